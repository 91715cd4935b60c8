// Package call is what the examples share: settings out of the environment, and a POST of JSON.
package call

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
)

// Setting is a variable's value, or what stands for it where it is not set.
func Setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// Post sends a value as JSON, with the key where there is one. Whoever calls closes the body.
func Post(url string, value any) *http.Response {
	body, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("QUORUM_API_KEY"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	return response
}
