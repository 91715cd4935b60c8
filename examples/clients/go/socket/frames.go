package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
)

const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// connection is the client's side of a WebSocket (RFC 6455), without extensions.
type connection struct {
	net    net.Conn
	reader *bufio.Reader
}

// open connects to a ws:// address and shakes hands.
func open(address string) (*connection, error) {
	where, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	wire, err := net.Dial("tcp", where.Host)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	request := &http.Request{Method: http.MethodGet, URL: where, Host: where.Host, Header: http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"Upgrade"},
		"Sec-WebSocket-Key":     {base64.StdEncoding.EncodeToString(nonce)},
		"Sec-WebSocket-Version": {"13"},
	}}
	if key := os.Getenv("QUORUM_API_KEY"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if err := request.Write(wire); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(wire)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the server refused: %s", response.Status)
	}
	return &connection{wire, reader}, nil
}

// read returns the next message; pings are answered meanwhile.
func (c *connection) read() ([]byte, error) {
	var message []byte
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c.reader, head); err != nil {
			return nil, err
		}
		size := uint64(head[1] & 0x7F)
		if size >= 126 {
			longer := make([]byte, map[uint64]int{126: 2, 127: 8}[size])
			if _, err := io.ReadFull(c.reader, longer); err != nil {
				return nil, err
			}
			size = 0
			for _, digit := range longer {
				size = size<<8 | uint64(digit)
			}
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(c.reader, data); err != nil {
			return nil, err
		}
		switch head[0] & 0x0F {
		case opPing:
			if err := c.write(opPong, data); err != nil {
				return nil, err
			}
		case opPong:
		case opClose:
			return nil, io.EOF
		default:
			message = append(message, data...)
			if head[0]&0x80 != 0 {
				return message, nil
			}
		}
	}
}

// write sends one frame; a client's frames are masked.
func (c *connection) write(kind byte, data []byte) error {
	frame := []byte{0x80 | kind}
	switch size := len(data); {
	case size < 126:
		frame = append(frame, 0x80|byte(size))
	case size < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(size))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(size))
	}
	mask := make([]byte, 4)
	rand.Read(mask)
	frame = append(frame, mask...)
	for place, value := range data {
		frame = append(frame, value^mask[place%4])
	}
	_, err := c.net.Write(frame)
	return err
}

// close says goodbye.
func (c *connection) close() {
	c.write(opClose, nil)
	c.net.Close()
}
