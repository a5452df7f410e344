package checksum

import "testing"

func TestKnownNumbersPassAndTheirNeighboursFail(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func([]byte) bool
		good  string
	}{
		{"luhn", Luhn, "4111111111111111"}, {"luhn", Luhn, "378282246310005"}, {"gtin", GTIN, "4006381333931"}, {"inn", INN, "7707083893"},
		{"inn", INN, "500100732259"}, {"snils", SNILS, "11223344595"}, {"ogrn", OGRN, "1027700132195"}, {"ogrn", OGRN, "304500116000157"},
	} {
		if !c.check([]byte(c.good)) {
			t.Errorf("%s: %s fails", c.name, c.good)
		}
		bad := []byte(c.good)
		bad[len(bad)-1] = '0' + (bad[len(bad)-1]-'0'+1)%10
		if c.check(bad) || c.check(nil) {
			t.Errorf("%s: %s passes", c.name, bad)
		}
	}
	if !Mod97([]byte("DE89370400440532013000")) || Mod97([]byte("DE89370400440532013001")) || Mod97([]byte("DE")) {
		t.Error("mod 97")
	}
	if INN([]byte("0000000000")) || SNILS([]byte("00000000000")) {
		t.Error("zeros are no number of anyone")
	}
}
