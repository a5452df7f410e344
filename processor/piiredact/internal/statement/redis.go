package statement

import "strings"

// redis commands whose first argument is a key; others lose all of theirs.
var keyed = func() map[string]bool {
	m := map[string]bool{}
	for _, c := range strings.Fields(`GET SET SETEX PSETEX SETNX GETSET GETEX GETDEL APPEND STRLEN INCR INCRBY INCRBYFLOAT DECR DECRBY
		GETRANGE SETRANGE EXISTS EXPIRE EXPIREAT PEXPIRE PEXPIREAT PERSIST TTL PTTL TYPE DEL UNLINK DUMP RESTORE RENAME HGET HSET HSETNX
		HMSET HMGET HGETALL HDEL HEXISTS HINCRBY HINCRBYFLOAT HKEYS HVALS HLEN HSCAN HSTRLEN LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LRANGE
		LLEN LINDEX LSET LREM LTRIM LINSERT BLPOP BRPOP SADD SREM SMEMBERS SISMEMBER SCARD SPOP SRANDMEMBER SSCAN SINTER SUNION SDIFF
		ZADD ZREM ZSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZCARD ZCOUNT ZINCRBY ZRANK ZSCAN XADD XREAD XLEN XRANGE XACK XDEL PFADD PFCOUNT
		GEOADD GEOPOS GEODIST GEORADIUS GEOSEARCH SETBIT GETBIT BITCOUNT BITPOS BITFIELD PUBLISH SPUBLISH SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE
		SUBSTR MOVE OBJECT TOUCH EXPIRETIME PEXPIRETIME HGETDEL HGETEX HSETEX HRANDFIELD HEXPIRE HTTL LMOVE LPOS LMPOP
		SMOVE SDIFFSTORE SINTERSTORE SUNIONSTORE SMISMEMBER ZPOPMIN ZPOPMAX BZPOPMIN BZPOPMAX ZRANGEBYLEX ZRANGESTORE ZREMRANGEBYRANK
		ZREMRANGEBYSCORE ZREVRANGEBYSCORE ZREVRANK ZMSCORE ZLEXCOUNT ZUNIONSTORE ZINTERSTORE XREADGROUP XGROUP XCLAIM XAUTOCLAIM XPENDING
		XREVRANGE XTRIM XINFO XSETID PFMERGE WATCH`) {
		m[c] = false
	}
	for _, c := range strings.Fields(`AUTH HELLO CONFIG ACL EVAL EVALSHA MSET MSETNX MGET SCRIPT MIGRATE`) {
		m[c] = true
	}
	for _, c := range strings.Fields(`MULTI EXEC DISCARD UNWATCH PING FLUSHDB FLUSHALL DBSIZE RANDOMKEY KEYS SCAN ECHO CLIENT MONITOR FCALL EVAL_RO
		EVALSHA_RO FUNCTION PUBSUB WAIT QUIT RESET READONLY ASKING CLUSTER SENTINEL LATENCY SLOWLOG MEMORY`) {
		m[c] = true
	}
	return m
}()

// redis appends a command with its key and without its arguments; it reports false when s is none.
func redis(out []byte, s string) ([]byte, bool) {
	if !command(s) {
		return nil, false
	}
	for n, line := range strings.Split(s, "\n") {
		cmd, rest, has := strings.Cut(strings.TrimSpace(line), " ")
		all, known := keyed[strings.ToUpper(cmd)]
		if !known && module(cmd) {
			known = true
		}
		if !known && n > 0 && cmd != "" { // a pipeline goes on with something unknown: all of it is a value
			cmd, has = Hole, false
		} else if !known && cmd != "" || n == 0 && (cmd == "" || looksSQL(cmd, rest)) {
			return nil, false
		}
		if n > 0 {
			out = append(out, '\n')
		}
		out = append(out, cmd...)
		if !has {
			continue
		}
		key, args, more := strings.Cut(rest, " ")
		if all || len(key) > 0 && (key[0] == '"' || key[0] == '\'') && !strings.HasSuffix(key, key[:1]) {
			out = append(out, " ?"...)
			continue
		}
		out = append(append(out, ' '), key...)
		if more && args != "" {
			for range min(len(strings.Fields(args)), 8) {
				out = append(out, " ?"...)
			}
		}
	}
	return out, true
}

// looksSQL: "SET x = 1" and "DUMP TABLE t" are not Redis.
func looksSQL(cmd, rest string) bool {
	if strings.EqualFold(cmd, "exec") {
		return strings.TrimSpace(rest) != ""
	}
	if !strings.EqualFold(cmd, "set") {
		return false
	}
	f := strings.Fields(rest)
	if len(f) > 1 {
		switch strings.ToUpper(strings.TrimSuffix(f[1], ";")) {
		case "ON", "OFF", "TO": // SET NOCOUNT ON; SET search_path TO x
			return true
		}
		if strings.EqualFold(f[0], "transaction") || strings.EqualFold(f[0], "time") && strings.EqualFold(f[1], "zone") {
			return true
		}
	}
	return len(f) > 1 && f[1][0] == '=' || len(f) > 0 && strings.Contains(f[0], "=") ||
		len(f) > 1 && (strings.EqualFold(f[0], "session") || strings.EqualFold(f[0], "local") || strings.EqualFold(f[0], "names") || strings.EqualFold(f[0], "password"))
}

// wire appends what has values on lines of their own: Redis's protocol ("*3", "$3", "SET", …), of which nothing stays,
// and memcached's storage commands ("add k 0 60 5"), of which the key does.
func wire(out []byte, s string) ([]byte, bool) {
	line, rest, has := strings.Cut(s, "\n")
	if !has || len(line) < 2 || len(line) > 300 {
		return nil, false
	}
	if line[0] == '*' && isDigit(line[1]) && strings.HasPrefix(rest, "$") {
		return append(out, Hole...), true
	}
	f := strings.Fields(line)
	if len(f) < 5 || len(f) > 7 {
		return nil, false
	}
	switch strings.ToLower(f[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
	default:
		return nil, false
	}
	for _, n := range f[2:5] {
		if strings.Trim(n, "0123456789") != "" {
			return nil, false
		}
	}
	return append(out, f[0]+" "+f[1]+" ?"...), true
}

// Obfuscate appends s without its values; JSON is the caller's, who has a reader for it.
func Obfuscate(out []byte, s string) []byte {
	n := len(out)
	if w, ok := wire(out, s); ok {
		return w
	}
	if r, ok := redis(out, s); ok {
		return r
	}
	return SQL(out[:n], s)
}

// command is a cheap look at the first word, without an allocation.
func command(s string) bool {
	var b [16]byte
	n := 0
	for n < len(s) && s[n] > ' ' {
		if n == len(b) {
			return false
		}
		if b[n] = s[n]; b[n] >= 'a' && b[n] <= 'z' {
			b[n] &^= 0x20
		}
		n++
	}
	_, known := keyed[string(b[:n])]
	return known || module(s[:n])
}

// module says that a command is a module's: FT.SEARCH, TS.ADD, JSON.SET. Its first argument is a key or an index.
func module(cmd string) bool {
	dot := strings.IndexByte(cmd, '.')
	if dot < 2 || dot > 5 || dot+1 == len(cmd) {
		return false
	}
	switch strings.ToUpper(cmd[:dot]) {
	case "JSON", "FT", "TS", "BF", "CF", "CMS", "TOPK", "TDIGEST", "GRAPH", "AI", "VSET":
		return true
	}
	return false
}
