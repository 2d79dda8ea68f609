package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

type form string

const (
	jsonForm     form = "json"
	protobufForm form = "protobuf"
)

// journal keeps what a client or a subscription was told, in order.
type journal struct {
	mutex  sync.Mutex
	events []event
}

type event struct {
	name string
	told any
}

func (j *journal) add(name string, told any) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.events = append(j.events, event{name, told})
}

// named returns the events of that name, as a T each.
func named[T any](j *journal, name string) []T {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	var found []T
	for _, each := range j.events {
		if each.name == name {
			found = append(found, each.told.(T))
		}
	}
	return found
}

// nth waits for the event `name` of that number, from 0.
func nth[T any](r *run, j *journal, name string, number int) T {
	r.until(fmt.Sprintf("the event %s", name), func() bool { return len(named[T](j, name)) > number })
	return named[T](j, name)[number]
}

// values are the JSON payloads of the publications that a journal has.
func values(j *journal) []any {
	var all []any
	for _, each := range named[centrifuge.Publication](j, "publication") {
		var value any
		_ = json.Unmarshal(each.Data, &value)
		all = append(all, value)
	}
	return all
}

func (r *run) untilValues(j *journal, wanted ...any) {
	text := fmt.Sprintf("%v", wanted)
	defer func() {
		if thrown := recover(); thrown != nil {
			panic(failure(fmt.Sprintf("%v: got %v, want %s", thrown, values(j), text)))
		}
	}()
	r.until("the publications", func() bool { return fmt.Sprintf("%v", values(j)) == text })
}

// client makes a client that is not connected yet. It is closed with the case.
func (r *run) client(config centrifuge.Config) (*centrifuge.Client, *journal) {
	config.MinReconnectDelay, config.MaxReconnectDelay = 20*time.Millisecond, 300*time.Millisecond
	config.HandshakeTimeout, config.WriteTimeout = 5*time.Second, 5*time.Second
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	made := centrifuge.NewJsonClient
	if r.form == protobufForm {
		made = centrifuge.NewProtobufClient
	}
	client := made(r.server.socketURL(), config)
	r.undo = append(r.undo, client.Close)
	j := &journal{}
	client.OnConnecting(func(e centrifuge.ConnectingEvent) { j.add("connecting", e) })
	client.OnConnected(func(e centrifuge.ConnectedEvent) { j.add("connected", e) })
	client.OnDisconnected(func(e centrifuge.DisconnectedEvent) { j.add("disconnected", e) })
	client.OnSubscribed(func(e centrifuge.ServerSubscribedEvent) { j.add("subscribed", e) })
	client.OnUnsubscribed(func(e centrifuge.ServerUnsubscribedEvent) { j.add("unsubscribed", e) })
	client.OnPublication(func(e centrifuge.ServerPublicationEvent) {
		j.add("publication", e.Publication)
	})
	client.OnMessage(func(e centrifuge.MessageEvent) { j.add("message", e) })
	return client, j
}

func (r *run) connected(config centrifuge.Config) (*centrifuge.Client, *journal) {
	client, j := r.client(config)
	r.must(client.Connect())
	nth[centrifuge.ConnectedEvent](r, j, "connected", 0)
	return client, j
}

// subscription makes one that is not subscribed yet.
func (r *run) subscription(
	client *centrifuge.Client, channel string, config centrifuge.SubscriptionConfig,
) (*centrifuge.Subscription, *journal) {
	config.MinResubscribeDelay, config.MaxResubscribeDelay = 20*time.Millisecond, 300*time.Millisecond
	subscription, fault := client.NewSubscription(channel, config)
	r.must(fault)
	j := &journal{}
	subscription.OnSubscribing(func(e centrifuge.SubscribingEvent) { j.add("subscribing", e) })
	subscription.OnSubscribed(func(e centrifuge.SubscribedEvent) { j.add("subscribed", e) })
	subscription.OnUnsubscribed(func(e centrifuge.UnsubscribedEvent) { j.add("unsubscribed", e) })
	subscription.OnPublication(func(e centrifuge.PublicationEvent) {
		j.add("publication", e.Publication)
	})
	subscription.OnJoin(func(e centrifuge.JoinEvent) { j.add("join", e.ClientInfo) })
	subscription.OnLeave(func(e centrifuge.LeaveEvent) { j.add("leave", e.ClientInfo) })
	return subscription, j
}

func (r *run) subscribe(
	client *centrifuge.Client, channel string, config centrifuge.SubscriptionConfig,
) (*centrifuge.Subscription, *journal) {
	subscription, j := r.subscription(client, channel, config)
	r.must(subscription.Subscribe())
	nth[centrifuge.SubscribedEvent](r, j, "subscribed", 0)
	return subscription, j
}

// refused wants the error of the server with that code.
func (r *run) refused(code uint32, fault error) {
	var reply *centrifuge.Error
	r.check(errors.As(fault, &reply), "error %d is right, not %v", code, fault)
	r.check(reply.Code == code, "error %d is right, not %v", code, fault)
}

func bounded() context.Context {
	limited, cancel := context.WithTimeout(context.Background(), eventLimit)
	time.AfterFunc(eventLimit, cancel)
	return limited
}
