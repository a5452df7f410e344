// Package secret finds credentials in text: by the prefixes that vendors give their keys, by the schemes
// of HTTP authorization, in URLs, and behind the names that people give to secrets ("password=…").
package secret

import (
	"encoding/base64"
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// alphabet is a set of bytes that a credential is made of.
type alphabet [256]bool

func letters(list string) (a alphabet) {
	for i := range list {
		a[list[i]] = true
	}
	return a
}

const (
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
	alnumSet = upper + lower + digits
)

var (
	alnum   = letters(alnumSet)
	word    = letters(alnumSet + "_")
	dashed  = letters(alnumSet + "_-")
	dotted  = letters(alnumSet + "_-.")
	upperD  = letters(upper + digits)
	hexadec = letters("abcdefABCDEF" + digits)
	base64s = letters(alnumSet + "+/=_-")
	token68 = letters(alnumSet + "-._~+/=:|")
	slashed = letters(alnumSet + "_-/")
	// dollared: Braintree's access_token$production$…$….
	dollared = letters(alnumSet + "$")
)

// vendor is a key with a prefix of its own: what follows it and how much of that there is at least.
type vendor struct {
	prefix string
	tail   *alphabet
	least  int
	most   int
}

const any = 4096

// vendors are the published formats, grouped below.
var vendors = []vendor{
	{"AKIA", &upperD, 16, 16}, {"ASIA", &upperD, 16, 16}, {"ABIA", &upperD, 16, 16}, {"ACCA", &upperD, 16, 16}, {"AROA", &upperD, 16, 17},
	{"AIDA", &upperD, 16, 17}, {"ghp_", &alnum, 30, any}, {"gho_", &alnum, 30, any}, {"ghu_", &alnum, 30, any}, {"ghs_", &dotted, 30, any},
	{"ghr_", &alnum, 30, any}, {"github_pat_", &word, 30, any}, {"glpat-", &dotted, 16, any}, {"gldt-", &dashed, 16, any},
	{"glrt-", &dashed, 16, any}, {"glcbt-", &dashed, 16, any}, {"glptt-", &dashed, 16, any}, {"glft-", &dashed, 16, any},
	{"glsoat-", &dashed, 16, any}, {"gloas-", &dashed, 16, any}, {"glimt-", &dashed, 16, any}, {"glagent-", &dashed, 16, any},
	{"GR1348941", &dashed, 16, any}, {"xoxb-", &dashed, 10, any}, {"xoxa-", &dashed, 10, any}, {"xoxp-", &dashed, 10, any},
	{"xoxr-", &dashed, 10, any}, {"xoxs-", &dashed, 10, any}, {"xoxo-", &dashed, 10, any}, {"xoxe-", &dashed, 10, any},
	{"xoxe.", &dotted, 10, any}, {"xoxc-", &dashed, 10, any}, {"xoxd-", &dashed, 10, any}, {"xapp-", &dashed, 10, any},
	{"sk_live_", &alnum, 10, any}, {"sk_test_", &alnum, 10, any}, {"rk_live_", &alnum, 10, any}, {"rk_test_", &alnum, 10, any},
	{"sk_prod_", &alnum, 10, any}, {"rk_prod_", &alnum, 10, any}, {"pk_live_", &alnum, 10, any}, {"pk_test_", &alnum, 10, any},
	{"whsec_", &base64s, 20, any}, {"AIza", &dashed, 35, 35}, {"GOCSPX-", &dashed, 20, any}, {"ya29.", &dotted, 20, any},
	{"npm_", &alnum, 30, any}, {"pypi-", &dashed, 40, any}, {"dop_v1_", &hexadec, 40, any}, {"doo_v1_", &hexadec, 40, any},
	{"dor_v1_", &hexadec, 40, any}, {"SG.", &dotted, 40, any}, {"sk-ant-", &dashed, 20, any}, {"sk-proj-", &dashed, 20, any},
	{"sk-svcacct-", &dashed, 20, any}, {"sk-admin-", &dashed, 20, any}, {"sk-", &alnum, 20, any}, {"hf_", &alnum, 30, any},
	{"shpat_", &hexadec, 32, any}, {"shpca_", &hexadec, 32, any}, {"shppa_", &hexadec, 32, any}, {"shpss_", &hexadec, 32, any},
	{"sq0atp-", &dashed, 20, any}, {"sq0csp-", &dashed, 20, any}, {"EAAA", &dashed, 60, any}, {"glsa_", &word, 32, any},
	{"glc_", &base64s, 32, any}, {"dapi", &hexadec, 32, 34}, {"hvs.", &dashed, 20, any}, {"hvb.", &dashed, 20, any}, {"hvr.", &dashed, 20, any},
	{"AGE-SECRET-KEY-1", &upperD, 50, any}, {"oy2", &alnum, 43, 43}, {"AQVN", &dashed, 30, any}, {"y0_", &dashed, 30, any}, {"y1_", &dashed, 30, any},
	{"t1.", &dotted, 60, any}, {"dp.pt.", &alnum, 40, any}, {"dp.st.", &dotted, 40, any}, {"lin_api_", &alnum, 30, any},
	{"PMAK-", &dashed, 30, any}, {"NRAK-", &upperD, 27, any}, {"NRII-", &dashed, 20, any}, {"NRJS-", &hexadec, 19, any},
	{"xkeysib-", &dashed, 40, any}, {"ATATT3", &base64s, 40, any}, {"ATCTT3", &base64s, 40, any}, {"ATBB", &alnum, 28, 32},
	{"pscale_tkn_", &dotted, 30, any}, {"pscale_pw_", &dotted, 30, any}, {"pscale_oauth_", &dotted, 30, any}, {"HRKU-", &dashed, 20, any},
	{"LTAI", &alnum, 16, 26}, {"SK", &hexadec, 32, 32}, {"key-", &hexadec, 32, 32}, {"rubygems_", &hexadec, 40, any}, {"sntrys_", &base64s, 30, any},
	{"sntryu_", &hexadec, 40, any}, {"pul-", &hexadec, 40, 40}, {"EZAK", &alnum, 54, 54}, {"EZTK", &alnum, 54, 54}, {"dt0c01.", &dotted, 60, any},
	{"p8e-", &alnum, 32, any}, {"tfp_", &dashed, 40, any}, {"CCIPAT_", &word, 40, any}, {"CCIPRJ_", &word, 40, any}, {"figd_", &dashed, 30, any},
	{"fo1_", &dashed, 40, any}, {"fm1", &base64s, 60, any}, {"nfp_", &word, 30, any}, {"sbp_", &hexadec, 40, any}, {"shippo_live_", &hexadec, 40, any},
	{"shippo_test_", &hexadec, 40, any}, {"tk-us-", &dashed, 40, any}, {"FLWSECK-", &dashed, 12, any}, {"FLWSECK_TEST-", &dashed, 12, any},
	{"live_", &alnum, 35, any}, {"test_", &alnum, 35, any}, {"secret_", &alnum, 40, any}, {"ntn_", &alnum, 40, any}, {"gsk_", &alnum, 40, any},
	{"r8_", &alnum, 37, any}, {"pplx-", &alnum, 40, any}, {"APPLICATION_PASSWORD_", &dashed, 16, any},
	{"vk1.a.", &dashed, 60, any}, {"ops_eyJ", &base64s, 50, any}, {"A3-", &dashed, 30, 37}, {"bkua_", &hexadec, 40, 40}, {"fio-u-", &dashed, 60, 66},
	{"ico-", &alnum, 32, 32}, {"YCAJE", &dashed, 20, 22}, {"YCP", &dashed, 35, 40}, {"YCM", &dashed, 35, 40}, {"eyJrIjoi", &alnum, 40, any}, {"EAACEdEose0cBA", &alnum, 20, any},
	{"dckr_pat_", &dashed, 20, any}, {"dckr_oat_", &dashed, 20, any}, {"xai-", &alnum, 60, any}, {"amzn.mws.", &dashed, 36, 36},
	{"access_token$", &dollared, 40, any}, {"pat-na1-", &dashed, 36, 36}, {"pat-eu1-", &dashed, 36, 36}, {"sk-or-v1-", &hexadec, 40, any},
	{"glptt-", &hexadec, 40, 40}, {"ATOA", &dashed, 40, any}, {"SWMTKN-1-", &dashed, 40, any}, {"ABSK", &base64s, 60, any}, {"tskey-", &dashed, 20, any},
	{"nvapi-", &dashed, 40, any}, {"lsv2_", &word, 40, any}, {"phc_", &alnum, 40, any}, {"phx_", &alnum, 40, any}, {"bkpat_", &dashed, 20, any}, {"patp_", &alnum, 30, any}, {"duffel_test_", &dashed, 40, any}, {"duffel_live_", &dashed, 40, any},
	{"xsmtpsib-", &dashed, 40, any}, {"CLOJARS_", &alnum, 50, any}, {"CFPAT-", &dashed, 40, any}, {"v1.0-", &dashed, 171, 171}, {"EAA", &alnum, 90, any},
	{"pat.", &dotted, 68, 68}, {"sat.", &dotted, 68, 68}, {"pat", &dotted, 79, 79}, {"AKCp", &alnum, 60, any}, {"cmVmd", &alnum, 59, 59}, {"sdk-", &dashed, 36, 36},
	{"API-", &upperD, 26, 26}, {"pnu_", &alnum, 36, any}, {"rzp_live_", &alnum, 14, any}, {"rzp_test_", &alnum, 14, any}, {"rdme_", &alnum, 60, any},
	{"sgp_", &word, 40, any}, {"sm_aat_", &alnum, 16, any}, {"sm_pat_", &alnum, 16, any}, {"sm_sat_", &alnum, 16, any}, {"squ_", &alnum, 40, 40},
	{"sqp_", &alnum, 40, 40}, {"sqa_", &alnum, 40, 40}, {"glffct-", &dashed, 16, any}, {"glrtr-", &dashed, 16, any}, {"sha256~", &dashed, 43, 43},
	{"dnkey-", &dashed, 60, any}, {"fm2_", &base64s, 60, any}, {"sk.eyJ", &dotted, 60, any}, {"sl.", &dashed, 120, any},
}

// byOpening groups vendors by their first two bytes; the finder looks here once a word. Groups that share a place do no harm.
var byOpening = func() (m [1 << 9][]vendor) {
	for _, v := range vendors {
		n := opening(v.prefix[0], v.prefix[1])
		m[n] = append(m[n], v)
	}
	return m
}()

func opening(a, b byte) int { return (int(a)<<5 ^ int(b)) & (1<<9 - 1) }

// openings is a bit for every pair of bytes that a credential can begin with: one load tells most words apart.
var openings = func() (m [1 << 10]uint64) {
	set := func(a, b byte) { n := int(a)<<8 | int(b); m[n>>6] |= 1 << (n & 63) }
	for _, v := range vendors {
		set(v.prefix[0], v.prefix[1])
	}
	for _, w := range bots {
		set(w[0], w[1])
	}
	set('L', 'S')
	set('T', 'o')
	set('A', 'p')
	for _, w := range [...]string{"ey", "ew", "ba", "be", "di", "ho", "--"} {
		set(w[0], w[1])
		set(w[0]&^0x20, w[1])
		set(w[0]&^0x20, w[1]&^0x20)
	}
	set('-', '-')
	return m
}()

// Beginnings are what a credential with a scheme or a prefix begins with, of three bytes each, in any case.
func Beginnings() []string {
	list := []string{"eyJ", "ewo", "bearer", "basic", "digest", "token ", "apikey ", "hooks", "discord", "LS0", "base64", "iban"}
	for _, v := range vendors {
		if len(v.prefix) > 2 {
			list = append(list, v.prefix)
			continue
		}
		for c, ok := range v.tail {
			if ok {
				list = append(list, v.prefix+string(rune(c)))
			}
		}
	}
	for _, b := range bots {
		for _, c := range alnumSet {
			list = append(list, b+string(c))
		}
	}
	return list
}

// Opens says that a credential with a scheme or a prefix can begin with these two bytes.
func Opens(a, b byte) bool {
	n := int(a)<<8 | int(b)
	return openings[n>>6]&(1<<(n&63)) != 0
}

// Token reads a credential at the word that begins at s[i]. A returned end of 0 says that there is none.
func Token(s string, i int) (finding.Finding, bool) {
	switch s[i] {
	case 'e':
		if end := jwt(s, i); end > 0 {
			return finding.Finding{Start: i, End: end, Entity: finding.JWT}, true
		}
	case 'b', 'B', 'D', 'T', 'A':
		if f, ok := scheme(s, i); ok {
			return f, true
		}
	case 'd', 'h':
		if f, ok := scheme(s, i); ok {
			return f, true
		}
		if end := webhook(s, i); end > 0 {
			return finding.Finding{Start: i, End: end, Entity: finding.APIKey}, true
		}
	case '-':
		return pem(s, i)
	case 'L':
		if end := encodedKey(s, i); end > 0 {
			return finding.Finding{Start: i, End: end, Entity: finding.PrivateKey}, true
		}
	case 'M', 'N', 'O':
		if end := bot(s, i); end > 0 {
			return finding.Finding{Start: i, End: end, Entity: finding.APIKey}, true
		}
	}
	if i+1 >= len(s) {
		return finding.Finding{}, false
	}
	for _, v := range byOpening[opening(s[i], s[i+1])] {
		if !strings.HasPrefix(s[i:], v.prefix) || v.prefix == "pat" && (i+17 >= len(s) || s[i+17] != '.') { // Airtable's: pat, 14 characters, 64 hex digits
			continue
		}
		tail := s
		if v.most < any {
			tail = s[:min(len(s), i+len(v.prefix)+v.most+2)]
		}
		end := span(tail, i+len(v.prefix), v.tail)
		if n := end - i - len(v.prefix); n >= v.least && n <= v.most && (n >= 20 && distinct(v.prefix) || v.tail == &upperD && v.least == v.most || mixed(s[i+len(v.prefix):end])) {
			return finding.Finding{Start: i, End: end, Entity: finding.APIKey}, true
		}
	}
	return finding.Finding{}, false
}

// span is the end of the run of the alphabet's bytes from i; a full stop that ends a sentence is not part of it.
func span(s string, i int, a *alphabet) int {
	for i < len(s) && a[s[i]] {
		i++
	}
	if i > 0 && s[i-1] == '.' {
		i--
	}
	return i
}

// distinct prefixes end in punctuation and are no English word: what follows need not look made.
func distinct(prefix string) bool {
	last := prefix[len(prefix)-1]
	return len(prefix) > 5 && (last == '-' || last == '_') && prefix != "secret_"
}

// bots begin with the base64 of a number: MTk4…, NDEx….
var bots = [...]string{"MD", "MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT"}

// bot is a Discord bot's token: its number in base64, six characters, 27 to 38 more.
func bot(s string, i int) int {
	id := span(s, i, &alnum)
	stamp := span(s, min(id+1, len(s)), &dashed)
	if id-i < 23 || id-i > 28 || stamp-id != 7 || s[id] != '.' || stamp >= len(s) || s[stamp] != '.' {
		return 0
	}
	end := span(s, stamp+1, &dashed)
	if n := end - stamp - 1; n < 27 || n > 38 {
		return 0
	}
	return end
}

// Mailchimp reads 32 hex digits before "-us12" at the dash.
func Mailchimp(s string, i int) (finding.Finding, bool) {
	if i < 32 || i+3 >= len(s) || s[i+1] != 'u' || s[i+2] != 's' || s[i+3]-'0' > 9 {
		return finding.Finding{}, false
	}
	lo := i
	for lo > 0 && i-lo < 33 && hexadec[s[lo-1]] {
		lo--
	}
	return finding.Finding{Start: lo, End: span(s, i+3, &alnum), Entity: finding.APIKey}, i-lo == 32
}

// mixed tells made keys from words with the same prefix: they hold digits, or both cases.
func mixed(s string) bool {
	var up, low, num bool
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			num = true
		case c >= 'A' && c <= 'Z':
			up = true
		case c >= 'a' && c <= 'z':
			low = true
		}
	}
	return num || up && low || len(s) >= 32
}

// jwt: a JSON header in base64, then two to four more parts.
func jwt(s string, i int) int {
	if i > 0 && dashed[s[i-1]] || !strings.HasPrefix(s[i:], "eyJ") && !strings.HasPrefix(s[i:], "ewog") && !strings.HasPrefix(s[i:], "ewo") {
		return 0
	}
	header := plainSpan(s, i)
	if header-i < 12 || header >= len(s) || s[header] != '.' {
		return 0
	}
	end, parts := header, 1
	for end < len(s) && s[end] == '.' && parts < 5 {
		end = plainSpan(s, end+1)
		parts++
	}
	var head [12]byte
	if n, err := base64.RawURLEncoding.Decode(head[:9], []byte(s[i:i+12])); err != nil || n < 9 || head[0] != '{' {
		return 0
	}
	if end-header < 12 {
		return 0
	}
	return end
}

func plainSpan(s string, i int) int {
	for i < len(s) && (dashed[s[i]] || s[i] == '=') {
		i++
	}
	return i
}

func webhook(s string, i int) int {
	for _, p := range [...]string{"hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.zapier.com/hooks/catch/"} {
		if strings.HasPrefix(s[i:], p) {
			if end := span(s, i+len(p), &slashed); end > i+len(p)+8 {
				return end
			}
		}
	}
	if strings.HasPrefix(s[i:], "discord.com/api/webhooks/") || strings.HasPrefix(s[i:], "discordapp.com/api/webhooks/") {
		return span(s, i, &letterPath)
	}
	return 0
}

var letterPath = letters(alnumSet + "_-/.")
