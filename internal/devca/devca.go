// Package devca makes certificates for development: a small authority and leaves that it signs.
//
// It is no production authority: its key lies in a file, and nothing is ever revoked.
package devca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// backdate allows for clocks that differ.
const backdate = 5 * time.Minute

// CA signs leaves.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	PEM  []byte // the certificate
}

// Leaf says what a certificate is for.
type Leaf struct {
	Name   string   // common name, for people; nothing decides by it
	Hosts  []string // DNS names and addresses
	URIs   []string // for example spiffe://ordertrace/agent
	Server bool
	Client bool
}

// Pair is a certificate with its key, both PEM.
type Pair struct {
	Cert, Key []byte
}

// New makes an authority that is valid for the given time.
func New(name string, now time.Time, valid time.Duration) (*CA, error) {
	template, err := template(name, now, valid)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the CA's key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse the CA: %w", err)
	}
	return &CA{cert: cert, key: key, PEM: encode("CERTIFICATE", der)}, nil
}

// Load reads an authority that was saved with its key.
func Load(pair Pair) (*CA, error) {
	certBlock, _ := pem.Decode(pair.Cert)
	keyBlock, _ := pem.Decode(pair.Key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("the CA's certificate or key is not PEM")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the CA: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the CA's key: %w", err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("the CA's key does not belong to its certificate")
	}
	return &CA{cert: cert, key: private, PEM: pair.Cert}, nil
}

// Expires returns the end of the authority's life.
func (ca *CA) Expires() time.Time { return ca.cert.NotAfter }

// Key returns the authority's key as PEM.
func (ca *CA) Key() ([]byte, error) { return encodeKey(ca.key) }

// Issue makes a leaf. It never outlives its authority.
func (ca *CA) Issue(leaf Leaf, now time.Time, valid time.Duration) (Pair, error) {
	if until := ca.cert.NotAfter.Sub(now); valid > until {
		valid = until
	}
	template, err := template(leaf.Name, now, valid)
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if leaf.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if leaf.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	for _, host := range leaf.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	for _, text := range leaf.URIs {
		uri, err := url.Parse(text)
		if err != nil || uri.Scheme == "" {
			return Pair{}, fmt.Errorf("%q is not an absolute URI", text)
		}
		template.URIs = append(template.URIs, uri)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key for %s: %w", leaf.Name, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return Pair{}, fmt.Errorf("sign %s: %w", leaf.Name, err)
	}
	keyPEM, err := encodeKey(key)
	return Pair{Cert: encode("CERTIFICATE", der), Key: keyPEM}, err
}

func template(name string, now time.Time, valid time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"ordertrace development"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(valid),
	}, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return encode("PRIVATE KEY", der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
