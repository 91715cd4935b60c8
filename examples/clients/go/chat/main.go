// OpenAI's chat API with the standard library: whole, then streamed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"

	"example.org/quorum-clients/call"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type choices struct {
	Choices []struct {
		Message message `json:"message"`
		Delta   message `json:"delta"`
	} `json:"choices"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func ask(stream bool) *http.Response {
	body := map[string]any{
		"model":    call.Setting("QUORUM_MODEL", "quorum/quick"),
		"messages": []message{{"user", "What is 2 + 2?"}},
		"stream":   stream,
	}
	return call.Post(call.Setting("QUORUM_URL", "http://127.0.0.1:8000")+"/v1/chat/completions", body)
}

func main() {
	whole := ask(false)
	defer whole.Body.Close()
	var answer choices
	if err := json.NewDecoder(whole.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if answer.Error != nil {
		log.Fatal(answer.Error.Message)
	}
	fmt.Println(answer.Choices[0].Message.Content)

	streamed := ask(true)
	defer streamed.Body.Close()
	lines := bufio.NewScanner(streamed.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found || data == "[DONE]" {
			continue
		}
		var event choices
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			log.Fatal(err)
		}
		if len(event.Choices) > 0 {
			fmt.Print(event.Choices[0].Delta.Content)
		}
	}
	fmt.Println()
}
