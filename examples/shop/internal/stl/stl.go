// Package stl makes and measures 3D models in the binary STL format.
package stl

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxTriangles bounds what Volume reads: 5 million are 250 MB, more than any
// piece of jewellery needs.
const MaxTriangles = 5_000_000

// ErrNotSTL says that the bytes are no binary STL model.
var ErrNotSTL = errors.New("not a binary STL model")

type vec [3]float64

// Ring writes a ring (a torus) with the given radii in millimetres, out of
// around × across × 2 triangles.
func Ring(w io.Writer, radius, thickness float64, around, across int) error {
	out := bufio.NewWriter(w)
	header := make([]byte, 84)
	copy(header, "ring made by the shop's customers")
	binary.LittleEndian.PutUint32(header[80:], uint32(around*across*2)) // small by construction
	if _, err := out.Write(header); err != nil {
		return err
	}
	at := func(i, j int) vec {
		u, v := 2*math.Pi*float64(i%around)/float64(around), 2*math.Pi*float64(j%across)/float64(across)
		r := radius + thickness*math.Cos(v)
		return vec{r * math.Cos(u), r * math.Sin(u), thickness * math.Sin(v)}
	}
	for i := range around {
		for j := range across {
			a, b, c, d := at(i, j), at(i+1, j), at(i+1, j+1), at(i, j+1)
			for _, triangle := range [2][3]vec{{a, b, c}, {a, c, d}} {
				if err := writeTriangle(out, triangle); err != nil {
					return err
				}
			}
		}
	}
	return out.Flush()
}

func writeTriangle(w io.Writer, t [3]vec) error {
	var b [50]byte // normal (left zero: readers derive it), three corners, attributes
	for i, corner := range t {
		for k, x := range corner {
			binary.LittleEndian.PutUint32(b[12+i*12+k*4:], math.Float32bits(float32(x)))
		}
	}
	_, err := w.Write(b[:])
	return err
}

// Volume measures a closed model in cubic millimetres, by the signed volumes of
// the tetrahedra between its triangles and the origin.
func Volume(r io.Reader) (float64, error) {
	in := bufio.NewReader(r)
	var header [84]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNotSTL, err)
	}
	n := binary.LittleEndian.Uint32(header[80:])
	if n == 0 || n > MaxTriangles {
		return 0, fmt.Errorf("%w: %d triangles", ErrNotSTL, n)
	}
	var sum float64
	var b [50]byte
	for range n {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrNotSTL, err)
		}
		var t [3]vec
		for i := range t {
			for k := range t[i] {
				t[i][k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[12+i*12+k*4:])))
			}
		}
		sum += dot(t[0], cross(t[1], t[2])) / 6
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fmt.Errorf("%w: corners are not numbers", ErrNotSTL)
	}
	return math.Abs(sum), nil
}

func cross(a, b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

func dot(a, b vec) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
