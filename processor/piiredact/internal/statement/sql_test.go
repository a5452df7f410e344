package statement

import (
	"strings"
	"testing"
)

var shapes = [][2]string{
	{`SELECT * FROM users WHERE email = 'ivan@x.ru' AND age > 33`, `SELECT * FROM users WHERE email = ? AND age > ?`},
	{`INSERT INTO users (name, phone) VALUES ('Ivan', '+7'), ("Olga", NULL)`, `INSERT INTO users (name, phone) VALUES (?, ?), (?, NULL)`},
	{`INSERT INTO "users" ("name","email") VALUES ($1,$2) RETURNING "id"`, `INSERT INTO "users" ("name","email") VALUES ($1,$2) RETURNING "id"`},
	{`INSERT INTO t VALUES (f("a"), "b", (1))`, `INSERT INTO t VALUES (f(?), ?, (?))`},
	{`SELECT "u".* FROM "u" WHERE "u"."e" = 'x' ORDER BY "u"."id" LIMIT 1`, `SELECT "u".* FROM "u" WHERE "u"."e" = ? ORDER BY "u"."id" LIMIT ?`},
	{`UPDATE users SET name = "Ivan", note = 'it''s' WHERE id IN (1, "2")`, `UPDATE users SET name = ?, note = ? WHERE id IN (?, ?)`},
	{`SELECT * FROM a WHERE x IN (SELECT "y" FROM "b" WHERE z = "Ivan")`, `SELECT * FROM a WHERE x IN (SELECT "y" FROM "b" WHERE z = ?)`},
	{`SELECT CONCAT("Ivan", name, UPPER("x"), "y") FROM t`, `SELECT CONCAT(?, name, UPPER(?), ?) FROM t`},
	{"SELECT [name], `a b` FROM [dbo].[users] WHERE [id] = 0x1F", "SELECT [name], ? FROM [dbo].[users] WHERE [id] = ?"},
	{`select $$secret$$, $tag$sec'ret$tag$, $1`, `select ?, ?, $1`},
	{`select E'it\'s secret' and b = 1`, `select ?`}, {`select 'C:\' and b = 'secret'`, `select ?`}, {`select 'open`, `select ?`},
	{`SELECT /* ivan@x.ru */ 1 -- secret`, `SELECT  ? `}, {`SELECT N'Иван', X'DE', _utf8'Иван', q'[it's]'`, `SELECT ?, ?, ?, ?`},
	{`EXEC sp @name = 'Ivan', @id = -5.5e-3, @x = :p`, `EXEC sp @name = ?, @id = -?, @x = :p`},
	{`SELECT j::jsonb, ts > TIMESTAMP '2020-01-01' FROM t2 WHERE name = Иван`, `SELECT j::jsonb, ts > TIMESTAMP ? FROM t2 WHERE name = ?`},
	{`AUTH secret`, `AUTH ?`}, {`HSET user:1 name Ivan`, `HSET user:1 ? ?`}, {`SET x = 1`, `SET x = ?`}, {`SET key value`, `SET key ?`},
	{`SELECT "Ivan", a FROM t`, `SELECT ?, a FROM t`}, {`SELECT "id" AS "n" FROM "t" UNION SELECT 'x'`, `SELECT "id" AS "n" FROM "t" UNION SELECT ?`},
	{`CREATE USER u IDENTIFIED BY geheim`, `CREATE USER u IDENTIFIED BY ?`}, {`ALTER USER u IDENTIFIED BY VALUES 'x'`, `ALTER USER u IDENTIFIED BY VALUES ?`},
	{`SELECT /* a /* b */ secret */ 1`, `SELECT ?`}, {"MULTI\nSET k geheim\nEXEC", "MULTI\nSET k ?\nEXEC"}, {"GET a\nwhat is this", "GET a\n?"},
	{"FT.SEARCH idx @name:Ivan", "FT.SEARCH idx ?"}, {"EXEC find 'x'", "EXEC find ?"},
	{"MULTI", "MULTI"}, {"GET a\nSET b c", "GET a\nSET b ?"},
}

func TestLiteralsGoAndTheShapeStays(t *testing.T) {
	for _, c := range shapes {
		got := string(Obfuscate(nil, c[0]))
		if got != c[1] {
			t.Errorf("%s\n got %s\nwant %s", c[0], got, c[1])
		}
		if again := string(Obfuscate(nil, got)); again != got {
			t.Errorf("%s: a second pass made %s of %s", c[0], again, got)
		}
	}
}

func TestStatementsAreFoundInLogLines(t *testing.T) {
	for s, want := range map[string]int{
		"duration: 1 ms statement: SELECT * FROM t WHERE a = 'x'": 26,
		"Hibernate: insert into t (a) values ('x')":               11,
		"Please say 'hello' to the world":                         -1,
		"User selected 'ring' from the list":                      -1,
		"update: the set \"x\" is done":                           -1,
	} {
		got := 0
		for got < len(s) && !Begins(s, got) {
			got++
		}
		if got == len(s) {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func FuzzLiteralsNeverSurvive(f *testing.F) {
	for _, c := range shapes {
		f.Add(c[0], " AND x = ")
	}
	f.Fuzz(func(t *testing.T, before, between string) {
		const secret = "Geheimnis"
		if strings.Contains(before+between, secret) || strings.ContainsAny(before+between, "`\"[:@$") {
			return
		}
		out := string(SQL(nil, before+between+"'"+secret+"'"))
		open := string(SQL(nil, before+between))
		if strings.HasSuffix(open, "'") {
			return
		}
		if strings.Contains(out, secret) && strings.Count(before+between, "'")%2 == 0 && !strings.Contains(before+between, "--") && !strings.Contains(before+between, "#") {
			t.Errorf("%q became %q", before+between, out)
		}
	})
}

func TestAVerbAloneIsNoStatement(t *testing.T) {
	for _, verb := range Verbs() {
		for _, s := range []string{verb, verb + " ", strings.ToUpper(verb) + "\n"} {
			if IsSQL(s) {
				t.Errorf("%q is one", s)
			}
		}
	}
}
