// Tools over the bridge's plain HTTP: one path per tool, on either port.
package main

import (
	"encoding/json"
	"fmt"
	"log"

	"example.org/quorum-clients/call"
)

type outcome struct {
	Success bool `json:"success"`
	Result  struct {
		Answer string `json:"answer"`
	} `json:"result"`
	Error struct {
		Message string `json:"message"`
		Hint    string `json:"hint"`
	} `json:"error"`
}

func tool(url string, parameters any) outcome {
	response := call.Post(url, parameters)
	defer response.Body.Close()
	var found outcome
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		log.Fatal(err)
	}
	return found
}

func main() {
	bridge := call.Setting("QUORUM_BRIDGE", "http://127.0.0.1:5050")
	tools := call.Setting("QUORUM_TOOLS", "http://127.0.0.1:5002")
	asked := map[string]any{
		"model":    call.Setting("QUORUM_MODEL", "quorum/quick"),
		"messages": []map[string]string{{"role": "user", "content": "What is 2 + 2?"}},
	}
	fmt.Println(tool(bridge+"/mcp/generate", asked).Result.Answer)
	fmt.Println(tool(tools+"/tools/generate", map[string]any{"params": asked}).Result.Answer)
	refused := tool(tools+"/tools/generat", map[string]any{})
	fmt.Printf("%s; %s\n", refused.Error.Message, refused.Error.Hint)
}
