package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// An event file is a TFRecord file, a sequence of records of this form, with all numbers little-endian:
//
//	uint64 length
//	uint32 masked CRC of the 8 bytes of length
//	byte   data[length]
//	uint32 masked CRC of data
//
// (TensorFlow, core/lib/io/record_writer.cc.)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC returns the CRC-32C of data, turned right by 15 bits and added to a constant: the CRC of data that holds
// CRCs is of little use (LevelDB, util/crc32c.h).
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// appendRecord appends a record.
func appendRecord(b, data []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b[at:]))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

// maxRecord is the length of the longest record that is read, bytes: protocol buffers are shorter than 2 GiB, and events
// that are written here much shorter.
const maxRecord = 1 << 28

// readRecord reads a record. Where the file ends, before or within it, the error is io.EOF or io.ErrUnexpectedEOF.
func readRecord(r io.Reader) ([]byte, error) {
	var header [12]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(header[:8])
	if got, want := maskedCRC(header[:8]), binary.LittleEndian.Uint32(header[8:]); got != want {
		return nil, fmt.Errorf("the length %d of a record has checksum %#08x, the file says %#08x", length, got, want)
	}
	if length > maxRecord {
		return nil, fmt.Errorf("a record has %d bytes, want at most %d", length, maxRecord)
	}
	// A wrong length must not cost its memory, so data is read as it comes.
	data, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err != nil {
		return nil, err
	}
	var footer [4]byte
	if uint64(len(data)) < length {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := io.ReadFull(r, footer[:]); err != nil {
		return nil, err
	}
	if got, want := maskedCRC(data), binary.LittleEndian.Uint32(footer[:]); got != want {
		return nil, fmt.Errorf("a record of %d bytes has checksum %#08x, the file says %#08x", length, got, want)
	}
	return data, nil
}
