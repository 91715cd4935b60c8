// A tool over the bridge's WebSocket, its text as it is written. Go's standard library has no WebSocket, so frames.go
// speaks as much of it as this needs.
package main

import (
	"encoding/json"
	"fmt"
	"log"

	"example.org/quorum-clients/call"
)

type frame struct {
	Type    string   `json:"type"`
	Tools   []string `json:"available_tools"`
	Models  []string `json:"models"`
	Content string   `json:"content"`
	Success *bool    `json:"success"`
	Result  struct {
		Answer string `json:"answer"`
	} `json:"result"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

func main() {
	socket, err := open(call.Setting("QUORUM_SOCKET", "ws://127.0.0.1:8765/"))
	if err != nil {
		log.Fatal(err)
	}
	defer socket.close()
	for {
		text, err := socket.read()
		if err != nil {
			log.Fatal(err)
		}
		var found frame
		if err := json.Unmarshal(text, &found); err != nil {
			log.Fatal(err)
		}
		switch {
		case found.Type == "welcome":
			fmt.Printf("%d tools, %d models\n", len(found.Tools), len(found.Models))
			asked, _ := json.Marshal(map[string]any{
				"id": 1, "method": "generate", "stream": true,
				"params": map[string]any{
					"model":    call.Setting("QUORUM_MODEL", "quorum/quick"),
					"messages": []map[string]string{{"role": "user", "content": "What is 2 + 2?"}},
				},
			})
			if err := socket.write(opText, asked); err != nil {
				log.Fatal(err)
			}
		case found.Success == nil:
			fmt.Print(found.Content)
		case *found.Success:
			fmt.Printf("\n%s\n", found.Result.Answer)
			return
		default:
			log.Fatal(found.Error.Message)
		}
	}
}
