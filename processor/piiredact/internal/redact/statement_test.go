package redact

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// templates of statements; @ is where a literal stands. mysql: double quotes hold strings.
var templates = []struct {
	text  string
	mysql bool
}{
	{"SELECT * FROM users WHERE email = @ AND age > @", false}, {"SELECT a, b FROM t WHERE c IN (@, @, @) ORDER BY a LIMIT @ OFFSET @", false},
	{"INSERT INTO users (name, phone, note) VALUES (@, @, @), (@, @, @) RETURNING id", false}, {"UPDATE users SET name = @, phone=@ WHERE id = @", false},
	{"DELETE FROM users WHERE name = @ OR created < @", false}, {"WITH x AS (SELECT @ AS v) SELECT * FROM x JOIN users u ON u.v = x.v WHERE u.name LIKE @", false},
	{"SELECT CASE WHEN a = @ THEN @ ELSE @ END FROM t", false}, {"SELECT coalesce(name, @), upper(@) FROM \"users\" AS \"u\" WHERE \"u\".\"name\" = @", false},
	{"MERGE INTO t USING (SELECT @ AS k FROM dual) s ON (t.k = s.k) WHEN MATCHED THEN UPDATE SET v = @ WHEN NOT MATCHED THEN INSERT (k, v) VALUES (@, @)", false},
	{"EXEC dbo.find_user @name = @, @age = @", false}, {"CALL find_user(@, @)", false}, {"SELECT * FROM [dbo].[users] WHERE [name] = @ AND [n] BETWEEN @ AND @", false},
	{"SELECT * FROM t WHERE a = ANY(ARRAY[@, @])", false}, {"SELECT 1 UNION ALL SELECT @ FROM t HAVING count(*) > @", false},
	{"CREATE USER shop IDENTIFIED BY @", false}, {"ALTER ROLE shop WITH PASSWORD @", false}, {"SET app.user = @", false},
	{"BEGIN; UPDATE t SET a = @ WHERE b = @; COMMIT", false}, {"SELECT * FROM t -- note @\nWHERE a = @", false}, {"SELECT /* @ */ * FROM t WHERE a = @", false},
	{"EXPLAIN ANALYZE SELECT * FROM t WHERE j @> @ AND j ->> 'k' = @", false}, {"SELECT * FROM t WHERE (a, b) = (@, @) AND NOT c <> @", false},
	{"SELECT * FROM users WHERE email = @ AND name LIKE @", true}, {"INSERT INTO `users` SET `name` = @, phone = @ ON DUPLICATE KEY UPDATE name = @", true},
	{"REPLACE INTO users (name) VALUES (@), (@)", true}, {"SELECT IF(a = @, @, @), CONCAT(@, name) FROM `users` WHERE a REGEXP @", true},
	{"SELECT * FROM users WHERE MATCH(name) AGAINST(@ IN BOOLEAN MODE) LIMIT @", true}, {"UPDATE users SET a = @ WHERE b = @ AND c IN (@, @)", true},
	{"SELECT @ AS greeting, name FROM users", true}, {"MATCH (n:Person {name: @}) WHERE n.age > @ RETURN n", true},
}

// literal draws one and says what of it must not be seen again.
func (m maker) literal(mysql bool) (text, secret string) {
	word := "Geheim" + strings.ToUpper(m.hex(6)) + "x"
	num := m.pick("7", "8", "9") + m.digits(7)
	kinds := []func() (string, string){
		func() (string, string) { return "'" + word + "'", word }, func() (string, string) { return "'O''" + word + "''s'", word },
		func() (string, string) { return "'" + word + " -- it; /* is */ # so'", word }, func() (string, string) { return "N'" + word + "'", word },
		func() (string, string) { return num, num }, func() (string, string) { return "-" + num + ".25", num }, func() (string, string) { return num + "e-3", num },
		func() (string, string) { return "0x" + num, num }, func() (string, string) { return "'" + m.digits(4) + "-" + num + "'", num },
		func() (string, string) { return "'Иван " + word + " ü 用户'", word }, func() (string, string) { return "'" + word + "\nzwei'", word },
		func() (string, string) { return `'{"name": "` + word + `", "a": [` + num + `]}'`, word }, func() (string, string) { return "(" + num + ")", num },
	}
	if mysql {
		kinds = append(kinds,
			func() (string, string) { return `"` + word + `"`, word }, func() (string, string) { return `"O'` + word + `"`, word }, func() (string, string) { return `"` + word + ` zwei"`, word },
			func() (string, string) { return `'it\'s ` + word + `'`, word }, func() (string, string) { return `"say \"` + word + `\" x"`, word }, func() (string, string) { return "_utf8mb4'" + word + "'", word },
			func() (string, string) { return "X'" + num + "'", num })
	} else {
		kinds = append(kinds,
			func() (string, string) { return "$$" + word + "'s$$", word }, func() (string, string) { return "$q1$" + word + "$$ x$q1$", word }, func() (string, string) { return `E'it\'s ` + word + `'`, word },
			func() (string, string) { return "'" + word + "'::text", word }, func() (string, string) { return "CAST('" + num + "' AS bigint)", num }, func() (string, string) { return "DATE '" + num + "'", num },
			func() (string, string) { return "U&'" + word + "'", word }, func() (string, string) { return `'C:\` + word + `\'`, word }, func() (string, string) { return "q'[it's " + word + "]'", word },
			func() (string, string) { return "B'" + num + "'", num })
	}
	return kinds[m.IntN(len(kinds))]()
}

func TestAccuracyOfStatements(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(2026, 13))}
	e := testEngine(policy.Balanced)
	se := e.Session()
	const n = 10000
	literals, leaked, shaped := 0, 0, 0
	for i := range n {
		tpl := templates[i%len(templates)]
		parts := strings.Split(tpl.text, "@")
		text, secrets := parts[0], []string{}
		for k, p := range parts[1:] {
			if strings.HasPrefix(p, "name = ") || strings.HasPrefix(p, "age = ") || strings.HasPrefix(p, "> ") { // @name, @age and @> of the template itself
				text += "@" + p
				continue
			}
			v, secret := m.literal(tpl.mysql)
			if strings.Contains(tpl.text, "/* @") && k == 0 {
				v = secret
			}
			text, secrets = text+v+p, append(secrets, secret)
		}
		if i%7 == 0 { // cut off, as long statements are
			text = text[:len(text)-m.IntN(min(40, len(text)-20))]
		}
		if i%11 == 0 && !strings.Contains(text, "$") && !strings.Contains(text, `"`) { // the quote that closes the first literal got lost
			if at := strings.IndexByte(text, '\''); at > 0 {
				text = text[:at+1] + strings.Replace(text[at+1:], "'", "", 1)
			}
		}
		key, before := "db.query.text", ""
		if i%5 == 0 && !strings.HasPrefix(text, "SET") && !strings.HasPrefix(text, "CREATE") && !strings.HasPrefix(text, "ALTER") && !strings.HasPrefix(text, "BEGIN") && !strings.HasPrefix(text, "EXPLAIN") && !strings.HasPrefix(text, "MATCH") && strings.ContainsAny(text, `'"`) {
			key, before = "note", "slow query: "
		}
		out, _ := se.Text(se.Key("", key), before+text, 0)
		for _, s := range secrets {
			if literals++; strings.Contains(out, s) {
				leaked++
				t.Errorf("%s is left of %s\n in %s", s, text, out)
			}
		}
		if strings.HasPrefix(out, before+parts[0][:min(len(parts[0]), 6)]) {
			shaped++
		}
		if again, v := se.Text(se.Key("", key), out, 0); v != Same {
			t.Errorf("a second pass made %s of %s", again, out)
		}
	}
	t.Logf("SQL: %d statements, %d literals, %d leaked; %d kept their beginning", n, literals, leaked, shaped)
	if shaped < n {
		t.Errorf("%d lost their shape", n-shaped)
	}
}

func TestAccuracyOfRedisAndJSONStatements(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(2026, 14))}
	e := testEngine(policy.Balanced)
	se := e.Session()
	key := se.Key("", "db.query.text")
	literals, leaked := 0, 0
	check := func(text string, secrets ...string) {
		out, _ := se.Text(key, text, 0)
		for _, s := range secrets {
			if literals++; strings.Contains(out, s) {
				leaked++
				t.Errorf("%s is left of %s\n in %s", s, text, out)
			}
		}
		if json.Valid([]byte(text)) && !json.Valid([]byte(out)) {
			t.Errorf("%s is no JSON any more: %s", text, out)
		}
	}
	for range 3000 {
		w, n := "Geheim"+m.hex(6)+"x", "8"+m.digits(7)
		cmd := m.pick("SET user:1 %s", "SETEX k 60 %s", "HSET user:1 name %s age 5", "HMSET h a %s", "LPUSH q %s", "SADD s a %s", "ZADD z 1 %s", "XADD s * f %s", "PUBLISH ch %s",
			"AUTH %s", "AUTH shop %s", "HELLO 3 AUTH shop %s", "CONFIG SET requirepass %s", "MSET a %s b c", "EVAL \"return '%s'\" 0", "set k \"%s\"", "JSON.SET k $ '{\"a\":\"%s\"}'",
			"FT.SEARCH idx @name:%s", "MULTI\nSET k %s\nEXEC", "GEOADD k 13.3 38.1 %s", "ACL SETUSER x >%s", "APPEND k %s", "GETSET k %s", "SETNX k %s", "HINCRBY h %s 5", "SISMEMBER s %s", "LREM q 0 %s", "PFADD p %s")
		check(fmt.Sprintf(cmd, w), w)
		check(fmt.Sprintf(cmd, n), n)
		check(fmt.Sprintf(`{"find":"users","filter":{"name":%q,"age":{"$gt":%s},"tags":{"$in":[%q]}},"limit":%s}`, w, n, w, n), w, n)
		check(fmt.Sprintf(`{"query":{"bool":{"must":[{"match":{"name":%q}},{"range":{"age":{"gte":%s}}}]}}}`, w, n), w, n)
		check(fmt.Sprintf(`[{"$match":{"name":%q}},{"$group":{"_id":null,"n":{"$sum":%s}}}]`, w, n), w, n)
		check(fmt.Sprintf("{\"index\":{\"_id\":%q}}\n{\"name\":%q,\"age\":%s}\n", w, w, n), w, n)
		check(fmt.Sprintf(`db.users.find({name: '%s', age: %s})`, w, n), w, n)
		check(fmt.Sprintf(`db.users.insertOne({"name": "%s", age: NumberLong("%s")})`, w, n), w, n)
		check(fmt.Sprintf(`{"find":"users","filter":{"name":"%s`, w), w)
	}
	t.Logf("Redis, MongoDB, Elasticsearch: %d literals, %d leaked", literals, leaked)
}
