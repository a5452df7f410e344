package watermark

import "github.com/ordertrace/ordertrace/connector/slametrics/internal/wire"

// AppendPaths appends how far each path had come.
func AppendPaths(to []byte, paths map[string]int64) []byte {
	to = wire.Uint(to, uint64(len(paths)))
	for name, released := range paths {
		to = wire.Int(wire.String(to, name), released)
	}
	return to
}

// ReadPaths reads what AppendPaths appended.
func ReadPaths(r *wire.Reader) map[string]int64 {
	paths := map[string]int64{}
	for range r.Len(2) {
		name := r.String()
		paths[name] = r.Int()
	}
	return paths
}
