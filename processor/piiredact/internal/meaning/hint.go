package meaning

import "github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"

var (
	emailWords   = words(`email mail emails mailto почта емейл`)
	phoneWords   = words(`phone ph phones phonenumber tel telephone mobile cell cellphone fax msisdn whatsapp viber телефон телефоны моб мобильный тел сотовый факс телефона телефону телефонов telephonenumber mobilephone`)
	servers      = words(`host server local node pod container instance upstream backend bind listen gateway dns broker`)
	phonePairs   = words(`contact-number cell-number caller-number callee-number calling-number called-number dialed-number sms-to sms-recipient`)
	cardWords    = words(`card cards cardnumber cardno pan creditcard debitcard ccnum ccnumber ccn карта карты карте карту cc`)
	innWords     = words(`inn инн taxpayer tin`)
	snilsWords   = words(`snils снилс`)
	ogrnWords    = words(`ogrn ogrnip огрн огрнип psrn`)
	passWords    = words(`passport паспорт паспорта passportnumber`)
	accountWords = words(`account acct rs ks счет счёт bik бик bic settlement correspondent`)
	latWords     = words(`lat latitude lon lng long longitude coordinates coordinate coords gps latlng latlon geolocation широта долгота координаты`)
	spots        = words(`location position point geopoint place origin destination geo loc ll center точка`)
	macWords     = words(`mac macaddress macaddr bssid hwaddr`)
	ipPairs      = words(`client-address client-ip clientip-address remote-addr remote-ip remote-address user-ip real-ip forwarded-for
		header-forwarded peer-address peer-addr socket-address customer-ip visitor-ip enduser-ip source-ip src-ip peer-ip connecting-ip ip-address ip-addr origin-ip login-ip source-address session-ip`)
	ipWords = words(`clientip remoteip userip realip xff ip ipaddress ipaddr remoteaddr ipv`)

	quantities = words(`timestamp time duration ns nanos nano nanoseconds ms millis milliseconds us micros microseconds sec seconds minutes
		hours days bytes byte size length len count total offset version port pid tid ppid latency elapsed epoch ts at sequence seq lsn
		checksum digest sha md crc hash uuid guid etag commit revision build sku ean gtin isbn issn barcode upc imei imsi iccid serial
		price amount sum quantity qty cost balance line lineno column partition shard bits rate ratio percent percentage limit max min avg
		mean width height depth level uptime ttl interval timeout expiry expires exp iat nbf generation inode ino fd address_hex
		vin ref counter memory heap ticks traceid spanid parentspanid requestid barcodes артикул штрихкод цена сумма количество`)
	idPairs = words(`trace-id span-id parent-id request-id correlation-id message-id transaction-id build-id image-id container-id
		instance-id process-id thread-id host-id node-id pod-id product-id item-id batch-id job-id task-id event-id log-id
		parent-span conversation-id delivery-tag unix-nano order-number order-no order-id invoice-number tracking-number part-number
		ticket-id parcel-id shipment-id article-number model-number line-number serial-number`)
	clouds     = words(`cloud aws gcp azure`)
	numbered   = words(`number no num nr value main home work primary secondary contact personal raw full series серия номер`)
	statements = words(`sql cql psql tsql statement`)
	stmtPairs  = words(`query-text db-statement db-query sql-query sql-text query-sql sql-statement raw-query query-string-sql graphql-document
		prepared-statement last-query slow-query native-query mongodb-query`)
)

func hints(ws []string) finding.Set {
	var s finding.Set
	for _, h := range []struct {
		words set
		e     finding.Entity
	}{
		{emailWords, finding.Email}, {phoneWords, finding.Phone}, {cardWords, finding.Card}, {innWords, finding.INN},
		{snilsWords, finding.SNILS}, {ogrnWords, finding.OGRN}, {passWords, finding.Passport}, {accountWords, finding.Account},
	} {
		if h.words.any(ws) {
			s |= finding.SetOf(h.e)
		}
	}
	if pair(ws) == "tax-id" || pair(ws) == "tax-number" {
		s |= finding.SetOf(finding.INN)
	}
	if l := last(ws, 1); macWords.has(l) || (l == "address" || l == "addresses" || l == "addr") && (last(ws, 2) == "mac" || last(ws, 2) == "hardware") {
		s |= finding.SetOf(finding.MAC)
	}
	if ipPairs.has(pair(ws)) || ipWords.has(last(ws, 1)) && !servers.has(last(ws, 2)) {
		s |= finding.SetOf(finding.IP)
	}
	if phonePairs.has(pair(ws)) {
		s |= finding.SetOf(finding.Phone)
	}
	if s.Has(finding.Email) && last(ws, 1) == "id" { // a mail's message id is no address
		s &^= finding.SetOf(finding.Email)
	}
	return s
}

// number: phone, phone.number, passport_series, bik; "phone.model" and "card.count" are none.
func number(ws []string) finding.Entity {
	l, owner := last(ws, 1), ws
	if phonePairs.has(pair(ws)) {
		return finding.Phone
	}
	if (numbered.has(l) || l == "code" && bankCode(last(ws, 2))) && len(ws) > 1 {
		owner = ws[:len(ws)-1]
	}
	switch o := last(owner, 1); {
	case phoneWords.has(o):
		return finding.Phone
	case passWords.has(o):
		return finding.Passport
	case bankCode(o) || pair(owner) == "bank-account" || pair(owner) == "лицевой-счет":
		return finding.Account
	case macWords.has(o) || pair(ws) == "mac-address":
		return finding.MAC
	}
	return finding.None
}

// bankCode: a bank's БИК.
func bankCode(w string) bool { return w == "bik" || w == "бик" }

func quantity(ws []string) bool {
	return quantities.has(last(ws, 1)) || idPairs.has(pair(ws)) || pair(ws) == "tracestate" ||
		pair(ws) == "account-id" && clouds.any(ws)
}

func statement(ws []string) bool {
	if stmtPairs.has(pair(ws)) {
		return true
	}
	l := last(ws, 1)
	if l == "statement" {
		return len(ws) == 1 || words("db sql database cassandra mongodb redis postgres mysql").any(ws)
	}
	return statements.has(l)
}

func coordinate(ws []string) bool {
	l := last(ws, 1)
	if l == "long" || l == "coordinate" {
		return words("geo gps location position").any(ws)
	}
	return latWords.has(l)
}
