// A panel over REST: one question, one answer, and how far the models agree.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"example.org/quorum-clients/call"
)

func main() {
	question := map[string]any{"query": "What is 2 + 2?"}
	if panel := os.Getenv("QUORUM_PANEL"); panel != "" {
		question["panel"] = strings.Split(panel, ",")
	}
	response := call.Post(call.Setting("QUORUM_URL", "http://127.0.0.1:8000")+"/api/query", question)
	defer response.Body.Close()
	var answer struct {
		Consensus  string   `json:"consensus"`
		Agreement  string   `json:"agreement"`
		Confidence *float64 `json:"confidence"`
		Cost       float64  `json:"total_cost"`
		Error      *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if answer.Error != nil {
		log.Fatal(answer.Error.Message)
	}
	fmt.Println(answer.Consensus)
	confidence := "not measured"
	if answer.Confidence != nil {
		confidence = fmt.Sprint(*answer.Confidence)
	}
	fmt.Printf("agreement: %s, confidence: %s, cost: $%g\n", answer.Agreement, confidence, answer.Cost)
}
