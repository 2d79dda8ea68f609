package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The configuration that all suites of SDKs share, and names of cases that wait for their feature.
var (
	sdkConfig keys
	notYet    []string
	oracle    = os.Getenv("INTEGRATION_ORACLE")
)

func loadConfiguration() {
	folder := os.Getenv("INTEGRATION_FOLDER")
	load := func(name string, into any) {
		text, fault := os.ReadFile(filepath.Join(folder, name))
		if fault == nil {
			fault = json.Unmarshal(text, into)
		}
		if fault != nil {
			fmt.Fprintln(os.Stderr, "sdk_go:", fault)
			os.Exit(1)
		}
	}
	load("sdk_base_config.json", &sdkConfig)
	if os.Getenv("INTEGRATION_NOT_YET") != "run" {
		load("not_yet.json", &notYet)
	}
}

func isNotYet(name string) bool {
	for _, part := range notYet {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// namespaces are those of sdk_base_config.json, with the keys of changes to the one that is named.
func namespaces(name string, changes keys) []any {
	var all []any
	for _, each := range sdkConfig["channel.namespaces"].([]any) {
		namespace := maps.Clone(each.(map[string]any))
		if namespace["name"] == name {
			maps.Copy(namespace, changes)
		}
		all = append(all, namespace)
	}
	return all
}

// server is one server process: its own port, configuration and folder.
type server struct {
	folder  string
	port    int
	config  string
	process *exec.Cmd
	ended   chan error
}

var givenPorts sync.Map

// freePort returns a port that nobody listens on, below those that outgoing connections get, and
// gives it to one case only: lib/server.mjs.
func freePort() int {
	for {
		port := 20000 + rand.IntN(10000)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		probe, fault := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if fault == nil {
			probe.Close()
			return port
		}
	}
}

func startServer(r *run) *server {
	folder, fault := os.MkdirTemp("", "tickcast-test-")
	r.must(fault)
	s := &server{folder: folder, port: freePort()}
	all := keys{"http_server.port": s.port}
	maps.Copy(all, sdkConfig)
	if oracle != "" {
		maps.Copy(all, keys{"client.presence_update_interval": "1s", "usage_stats.disabled": true})
	} else {
		maps.Copy(all, keys{"engine.shards": 2, "engine.pin": false, "shutdown.spread": "0s",
			"shutdown.timeout": "5s"})
	}
	maps.Copy(all, r.config)
	if oracle != "" {
		s.writeNested(r, all)
	} else {
		s.writeToml(r, all)
	}
	s.launch(r)
	return s
}

func (s *server) writeNested(r *run, all keys) {
	whole := map[string]any{}
	for key, value := range all {
		names := strings.Split(key, ".")
		at := whole
		for _, name := range names[:len(names)-1] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		at[names[len(names)-1]] = value
	}
	text, fault := json.Marshal(whole)
	r.must(fault)
	s.config = filepath.Join(s.folder, "config.json")
	r.must(os.WriteFile(s.config, text, 0o600))
}

// toToml: dotted keys and inline tables say everything, and JSON's strings and numbers are TOML's.
func toToml(value any) string {
	switch value := value.(type) {
	case []any:
		var parts []string
		for _, each := range value {
			parts = append(parts, toToml(each))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for key, each := range value {
			parts = append(parts, key+" = "+toToml(each))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	text, _ := json.Marshal(value)
	return string(text)
}

func (s *server) writeToml(r *run, all keys) {
	var text strings.Builder
	for key, value := range all {
		fmt.Fprintf(&text, "%s = %s\n", key, toToml(value))
	}
	s.config = filepath.Join(s.folder, "server.toml")
	r.must(os.WriteFile(s.config, []byte(text.String()), 0o600))
}

// launch starts the process, and waits until it is healthy. After stop it may be called again.
func (s *server) launch(r *run) {
	program := os.Getenv("INTEGRATION_BINARY")
	if oracle != "" {
		program = oracle
	}
	log, fault := os.OpenFile(
		filepath.Join(s.folder, "server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	r.must(fault)
	defer log.Close()
	s.process = exec.Command(program, "--config", s.config)
	s.process.Stdout, s.process.Stderr = log, log
	// The environment's own keys of a configuration are not the case's.
	for _, each := range os.Environ() {
		if !strings.HasPrefix(each, "TICKCAST_") && !strings.HasPrefix(each, "CENTRIFUGO_") {
			s.process.Env = append(s.process.Env, each)
		}
	}
	r.must(s.process.Start())
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.process.Wait() }()
	r.until("the server is healthy", func() bool {
		select {
		case end := <-s.ended:
			r.check(false, "the server ended at its start: %v\n%s", end, s.logTail())
		default:
		}
		answer, fault := http.Get(s.url("/health"))
		if fault != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// stop asks it to drain, and wants a good end.
func (s *server) stop(r *run) {
	defer os.RemoveAll(s.folder)
	s.drain(r)
}

func (s *server) drain(r *run) {
	r.must(s.process.Process.Signal(syscall.SIGTERM))
	select {
	case end := <-s.ended:
		r.check(end == nil, "a drained server exits 0: %v", end)
	case <-time.After(15 * time.Second):
		_ = s.process.Process.Kill()
		r.check(false, "the server did not end after SIGTERM")
	}
}

func (s *server) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path)
}

func (s *server) socketURL() string {
	return fmt.Sprintf("ws://127.0.0.1:%d/connection/websocket", s.port)
}

func (s *server) logTail() string {
	text, _ := os.ReadFile(filepath.Join(s.folder, "server.log"))
	return string(text[max(0, len(text)-4000):])
}

// call calls the HTTP API, and returns the result of a call that has to succeed.
func (r *run) call(method string, body keys) map[string]any {
	text, fault := json.Marshal(body)
	r.must(fault)
	request, fault := http.NewRequest(
		http.MethodPost, r.server.url("/api/"+method), bytes.NewReader(text))
	r.must(fault)
	request.Header.Set("X-API-Key", sdkConfig["http_api.key"].(string))
	answer, fault := http.DefaultClient.Do(request)
	r.must(fault)
	defer answer.Body.Close()
	got, fault := io.ReadAll(answer.Body)
	r.must(fault)
	var reply struct {
		Error  any
		Result map[string]any
	}
	r.check(json.Unmarshal(got, &reply) == nil, "%s: %d %s", method, answer.StatusCode, got)
	r.check(reply.Error == nil, "%s: %v", method, reply.Error)
	return reply.Result
}

func (r *run) publish(channel string, data any) map[string]any {
	return r.call("publish", keys{"channel": channel, "data": data})
}

// token makes a JSON Web Token, HS256 (RFC 7519).
func token(claims keys) string {
	encode := base64.RawURLEncoding.EncodeToString
	body, _ := json.Marshal(claims)
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(sdkConfig["client.token.hmac_secret_key"].(string)))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

func secondsFromNow(seconds int64) int64 { return time.Now().Unix() + seconds }
