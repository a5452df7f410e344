package meaning

import (
	"strings"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
)

// Class is what a key says about its value.
type Class struct {
	// Whole is the entity that the whole value is, or None.
	Whole finding.Entity
	// Hint are entities whose context the key gives: their weak forms count under it.
	Hint finding.Set
	// Quantity: a bare number here is a time, a size, an id or a product code, not a card or a phone.
	Quantity bool
	// Statement: the value is SQL, a Redis command or a JSON query.
	Statement bool
	// Place: the value may be a postal or a network address; only the former is personal.
	Place bool
	// Coordinate: the value is a place on earth. Spot: a pair of coordinates is, one number may be anything.
	Coordinate, Spot bool
	// Number is what the whole value is when it is nothing but a number: a passport's series, a short telephone number.
	Number finding.Entity
	// Query: in a URL's query this name carries a credential, though elsewhere it may not.
	Query bool
}

var (
	suffixes = words(`value values raw text plain plaintext hash hashed b64 base64 base encoded header new old current confirm
		confirmation repeat data string encrypted input field param`)
	secrets = words(`appkey appsecret password passwd passwort pwd pswd passphrase passcode passkey secret secrets token jwt credential credentials creds
		apikey apitoken authtoken accesstoken refreshtoken idtoken sessiontoken csrftoken xsrftoken usertoken bearertoken bottoken
		clientsecret secretkey accesskey privatekey encryptionkey signingkey masterkey authkey sharedkey
		pin pincode cvv cvc csc otp totp pass xsrf csrf sharedaccesskey accountkey sharedsecret userpassword dbpassword
		пароль токен секрет пин пинкод pgpassword assertion samlresponse codeverifier парольная`)
	links       = words(`for of to для от к на пользователя клиента учетной учётной доступа администратора базы`)
	secretEnds  = []string{"password", "passwd", "passphrase", "secretkey", "apikey", "accesskey", "privatekey", "clientsecret", "authtoken", "accesstoken", "secret"}
	secretPairs = words(`api-key private-key secret-key access-key encryption-key signing-key master-key auth-key account-key shared-key
		storage-key service-key consumer-key app-key application-key sas-key ssh-key deploy-key host-key license-key subscription-key
		functions-key ingestion-key integration-key webhook-secret session-key session-secret session-token security-code
		verification-code confirmation-code sms-code otp-code mfa-code auth-code authorization-code pin-code security-answer
		recovery-code recovery-codes backup-codes card-code card-verification secret-access access-code invite-code
		auth-header one-time кодовое-слово user-pass sas-token hmac-key aes-key rsa-key pgp-key gpg-key tls-key jwt-key cipher-key
		crypto-key secret-id redis-auth saml-response code-verifier oauth-verifier пин-код код-подтверждения код-доступа
		код-безопасности код-авторизации секретный-ключ ключ-api ключ-доступа ключ-шифрования приватный-ключ закрытый-ключ
		секретное-слово из-смс одноразовый-код secret-answer security-question api-ключ master-secret pre-shared shared-key private-token`)
	secretWordsBefore = words(`page next continuation cancellation cancel sync paging pagination previous prev count max min total
		input output prompt completion reasoning cached fencing sync lock lease`)
	cookies    = words(`cookie cookies setcookie jsessionid phpsessid aspsessionid connect.sid sessid asp.net_sessionid laravel_session ci_session symfony_session rack.session _session wordpress_logged_in`)
	authWords  = words(`authorization authentication authorisation`)
	queryWords = words(`sig signature code key auth hmac sid ticket apikey credential accesskeyid awsaccesskeyid googleaccessid otp
		keyid sas pass session sessionid sessid samlresponse verifier`)

	people = words(`customer user enduser client person people recipient contact employee patient cardholder buyer
		subscriber shipping billing delivery passenger guest holder payer payee payor beneficiary sender receiver owner
		student applicant insured borrower signer signatory consignee purchaser shopper visitor
		author manager kin spouse mother father child parent full first last middle given family sur maiden real
		christian birth второе клиента клиент покупатель заказчик получатель пользователь`)
	notPeople = words(`service host span thread pod container node cluster process k8s db database queue exchange topic class method
		function file module package library image device os browser agent sdk scope instrument metric event resource server
		virtual driver plugin field column table index collection namespace domain dns zone`)
	vague       = words(`account acct display legal nick short long`)
	personWords = words(`lname fname fullname firstname lastname middlename surname forename patronymic fio givenname familyname username
		imya familiya otchestvo customername cardholder cardholdername recipient nickname
		фио имя фамилия отчество получатель заказчик клиент покупатель buyer`)
	named       = words(`имя фамилия отчество фио`)
	of          = words(`клиента покупателя заказчика получателя отправителя плательщика контакта сотрудника пациента владельца держателя менеджера`)
	placePeople = words(`shipping billing delivery home postal street mailing residential customer user enduser recipient legal
		registration residence living work office permanent correspondence contact person client buyer
		доставки проживания регистрации`)
	placeWords = words(`residence street streetaddress postcode zipcode postalcode zip addressline address_line fulladdress homeaddress
		shippingaddress billingaddress deliveryaddress улица адрес индекс квартира apartment`)
	placePairs = words(`postal-code zip-code post-code address-line address-street street-name street-line house-number street-address
		address-city address-zip address-postcode address-postal apartment-number flat-number customer-city shipping-city`)
	machines       = words(`сервера хоста узла сервиса шлюза брокера базы страницы сайта памяти порта сети кластера`)
	russianAddress = words(`адрес adres`) //nolint:misspell // Russian in Latin letters
	birthWords     = words(`dob birthday birthdate dateofbirth bday bdate birth born рождения geburtsdatum rozhdeniya датарождения`)
)

// Of reads a key.
func Of(key string) Class {
	ws := Words(key)
	if len(ws) == 0 {
		return Class{}
	}
	c := Class{Hint: hints(ws), Quantity: quantity(ws), Statement: statement(ws), Coordinate: coordinate(ws), Spot: spots.has(ws[len(ws)-1])}
	c.Number = number(ws)
	c.Query = queryWords.has(ws[len(ws)-1]) || queryWords.has(strings.ToLower(key))
	switch {
	case parameter(ws):
		c.Whole = finding.Statement
	case authorization(ws):
		c.Whole = finding.Authorization
	case cookies.has(ws[len(ws)-1]) || cookies.has(strings.ToLower(key)) || cookie(ws):
		c.Whole = finding.Cookie
	case secret(ws):
		c.Whole = finding.Secret
	case birth(ws):
		c.Whole = finding.BirthDate
	case c.Statement || c.Hint.Has(finding.Email) || c.Hint.Has(finding.IP):
	case person(ws):
		c.Whole = finding.Person
	default:
		c.Whole, c.Place = place(ws)
	}
	return c
}

func last(ws []string, n int) string {
	if len(ws) < n {
		return ""
	}
	return ws[len(ws)-n]
}

func pair(ws []string) string { return last(ws, 2) + "-" + last(ws, 1) }

// parameter: db.query.parameter.<name> is a literal of a statement.
func parameter(ws []string) bool {
	for i := 0; i+1 < len(ws); i++ {
		if ws[i+1] == "parameter" && (ws[i] == "query" || ws[i] == "operation") {
			return true
		}
	}
	return false
}

// cookie: cookie.<name> is one cookie's value; wordpress_logged_in_<hash> has its site in its name.
func cookie(ws []string) bool {
	return last(ws, 2) == "cookie" && !words("name domain path count size policy consent banner secure samesite expires max age enabled httponly id type redacted").has(last(ws, 1)) ||
		len(ws) > 2 && ws[0] == "wordpress" && (ws[1] == "logged" || ws[1] == "sec")
}

func authorization(ws []string) bool {
	if len(ws) > 1 && suffixes.has(last(ws, 1)) {
		ws = ws[:len(ws)-1]
	}
	return authWords.has(last(ws, 1)) && last(ws, 1) != "authentication" || pair(ws) == "x-auth"
}

func secret(ws []string) bool {
	for len(ws) > 1 && suffixes.has(last(ws, 1)) {
		ws = ws[:len(ws)-1]
	}
	if len(ws) > 2 && last(ws, 1) == "id" && (pair(ws[:len(ws)-1]) == "access-key" || pair(ws[:len(ws)-1]) == "secret-key") {
		return true
	}
	l := last(ws, 1)
	if secretPairs.has(pair(ws)) {
		return pair(ws) != "one-time"
	}
	if l == "pass" || l == "pin" {
		return len(ws) == 1 || words("user db database admin root auth login smtp ftp mysql pg card bank redis account my").has(last(ws, 2))
	}
	if l == "token" && len(ws) > 1 {
		return !secretWordsBefore.has(last(ws, 2))
	}
	if secrets.has(l) {
		return true
	}
	for i, w := range ws[:len(ws)-1] { // "password for …", "пароль для входа"
		if (w == "password" || w == "пароль" || w == "токен") && links.has(ws[i+1]) {
			return true
		}
	}
	for _, end := range secretEnds {
		if strings.HasSuffix(l, end) {
			return true
		}
	}
	return false
}

func birth(ws []string) bool {
	l := last(ws, 1)
	if l == "birth" {
		return last(ws, 2) == "of" && (len(ws) < 3 || words("date day year month").has(last(ws, 3)))
	}
	if l == "born" {
		return len(ws) == 1
	}
	if l == "date" || l == "day" || l == "year" || l == "month" {
		return last(ws, 2) == "birth"
	}
	return birthWords.has(l)
}

func person(ws []string) bool {
	for len(ws) > 1 && (suffixes.has(last(ws, 1)) || last(ws, 1) == "lower" || last(ws, 1) == "latin") {
		ws = ws[:len(ws)-1]
	}
	l := last(ws, 1)
	if personWords.has(l) || named.has(last(ws, 2)) && (of.has(l) || named.has(l)) || pair(ws) == "contact-person" || pair(ws) == "account-holder" {
		return true
	}
	if l == "name" || l == "names" {
		prev := last(ws, 2)
		return (people.has(prev) || people.has(strings.TrimSuffix(prev, "s")) || vague.has(prev) && people.any(ws[:len(ws)-2])) && !notPeople.any(ws[:len(ws)-2])
	}
	if last(ws, 2) == "name" && words("first last middle given family full prefix suffix surname").has(l) {
		return true
	}
	return l == "initials" && len(ws) > 1
}

func place(ws []string) (finding.Entity, bool) {
	for len(ws) > 1 && suffixes.has(last(ws, 1)) {
		ws = ws[:len(ws)-1]
	}
	l := last(ws, 1)
	if placeWords.has(l) || russianAddress.has(l) || placePairs.has(pair(ws)) || russianAddress.has(last(ws, 2)) && !machines.has(l) || l == "адресу" {
		return finding.Address, l == "адресу" || l == "адрес" && len(ws) == 1
	}
	if l == "address" || l == "addr" || l == "location" && placePeople.has(last(ws, 2)) {
		return finding.Address, !words("shipping billing delivery home postal street mailing residential recipient residence").has(last(ws, 2))
	}
	return finding.None, false
}
