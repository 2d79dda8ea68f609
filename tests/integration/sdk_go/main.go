// The official Go SDK against a running server, in both forms. What lib/harness.mjs and
// lib/target.mjs are to the JavaScript cases is in harness.go and server.go here.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	caseLimit   = 30 * time.Second
	eventLimit  = 10 * time.Second
	casesAtOnce = 4
)

// keys is a configuration: dotted names and JSON values.
type keys map[string]any

type testCase struct {
	name   string
	form   form
	config keys
	body   func(*run)
}

var cases []testCase

// inBoth declares a case once per form.
func inBoth(name string, config keys, body func(*run)) {
	for _, each := range []form{jsonForm, protobufForm} {
		cases = append(cases, testCase{fmt.Sprintf("sdk_go: %s [%s]", name, each), each, config, body})
	}
}

// failure is what a case panics with when an expectation does not hold.
type failure string

// run is a case that is running, with its server.
type run struct {
	*testCase
	server *server
	undo   []func()
}

func (r *run) check(holds bool, format string, values ...any) {
	if !holds {
		panic(failure(fmt.Sprintf(format, values...)))
	}
}

func (r *run) must(fault error) {
	if fault != nil {
		panic(failure(fault.Error()))
	}
}

// until waits until probe returns true.
func (r *run) until(what string, probe func() bool) {
	for end := time.Now().Add(eventLimit); !probe(); time.Sleep(10 * time.Millisecond) {
		r.check(time.Now().Before(end), "%s: not within %v", what, eventLimit)
	}
}

// attempt calls step, and returns how it failed, or "".
func attempt(step func()) (fault string) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case failure:
			fault = string(thrown) + "\n" + callers(string(debug.Stack()))
		default:
			fault = fmt.Sprint(thrown, "\n", string(debug.Stack()))
		}
	}()
	step()
	return ""
}

// callers keeps the places in the cases' own files.
func callers(stack string) string {
	var places []string
	for _, line := range strings.Split(stack, "\n") {
		if strings.Contains(line, "/sdk_go/") && strings.HasPrefix(line, "\t") {
			places = append(places, strings.TrimSpace(line))
		}
	}
	return strings.Join(places, "\n")
}

func (c *testCase) execute() string {
	began := time.Now()
	r := &run{testCase: c}
	var faults []string
	note := func(fault string) {
		if fault != "" {
			faults = append(faults, fault)
		}
	}
	note(attempt(func() { r.server = startServer(r) }))
	if len(faults) == 0 {
		ended := make(chan string, 1)
		go func() { ended <- attempt(func() { c.body(r) }) }()
		select {
		case fault := <-ended:
			note(fault)
		case <-time.After(caseLimit):
			note(fmt.Sprintf("not within %v", caseLimit))
		}
		for _, step := range r.undo {
			note(attempt(step))
		}
		note(attempt(func() { r.server.stop(r) }))
	}
	spent := time.Since(began).Milliseconds()
	if len(faults) == 0 {
		return fmt.Sprintf("ok %s (%d ms)\n", c.name, spent)
	}
	text := fmt.Sprintf("not ok %s (%d ms)\n", c.name, spent)
	if r.server != nil {
		faults = append(faults, "the server's log:\n"+r.server.logTail())
	}
	for _, line := range strings.Split(strings.Join(faults, "\n"), "\n") {
		text += "    " + line + "\n"
	}
	return text
}

func main() {
	loadConfiguration()
	filter := os.Getenv("INTEGRATION_FILTER")
	waiting := make(chan *testCase)
	var working sync.WaitGroup
	for range casesAtOnce {
		working.Add(1)
		go func() {
			defer working.Done()
			for each := range waiting {
				fmt.Print(each.execute())
			}
		}()
	}
	for i := range cases {
		switch each := &cases[i]; {
		case !strings.Contains(each.name, filter):
		case isNotYet(each.name):
			fmt.Printf("skip %s: not yet\n", each.name)
		default:
			waiting <- each
		}
	}
	close(waiting)
	working.Wait()
}
