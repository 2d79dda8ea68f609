package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/centrifugal/centrifuge-go"
)

var closed = keys{"client.allow_anonymous_connect_without_token": false}

func init() {
	inBoth("connects, learns its id, disconnects", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{})
		about := nth[centrifuge.ConnectedEvent](r, j, "connected", 0)
		r.check(len(about.ClientID) == 36, "%+v", about)
		r.must(client.Disconnect())
		r.check(nth[centrifuge.DisconnectedEvent](r, j, "disconnected", 0).Code == 0, "its own code")
		r.check(client.State() == centrifuge.StateDisconnected, "%v", client.State())
	})

	inBoth("connect and disconnect in a loop, then connect", nil, func(r *run) {
		client, j := r.client(centrifuge.Config{})
		for range 10 {
			r.must(client.Connect())
			r.must(client.Disconnect())
		}
		r.must(client.Connect())
		r.until("it is connected", func() bool { return client.State() == centrifuge.StateConnected })
		r.check(len(named[centrifuge.ConnectedEvent](j, "connected")) >= 1, "it was told")
	})

	inBoth("an rpc that nobody takes is 108", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		_, fault := client.RPC(bounded(), "method", []byte(`{}`))
		r.refused(108, fault)
	})

	inBoth("publishes and hears itself, with who published", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{
			Token: token(keys{"sub": "42", "info": keys{"name": "Ada"}})})
		subscription, heard := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
		_, fault := subscription.Publish(bounded(), []byte(`{"text":"soup – 🍲","n":[1,null,-0.25]}`))
		r.must(fault)
		r.untilValues(heard, map[string]any{"text": "soup – 🍲", "n": []any{1, nil, -0.25}})
		info := named[centrifuge.Publication](heard, "publication")[0].Info
		id := named[centrifuge.ConnectedEvent](j, "connected")[0].ClientID
		r.check(info.User == "42" && info.Client == id, "%+v", info)
		r.check(string(info.ConnInfo) == `{"name":"Ada"}`, "%s", info.ConnInfo)
	})

	inBoth("subscribes, unsubscribes, and again", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		subscription, heard := r.subscribe(client, "plain:x", centrifuge.SubscriptionConfig{})
		for round := range 5 {
			r.must(subscription.Unsubscribe())
			r.must(subscription.Subscribe())
			nth[centrifuge.SubscribedEvent](r, heard, "subscribed", round+1)
		}
		r.publish("plain:x", 1)
		r.untilValues(heard, 1)
	})

	inBoth("a hundred subscriptions", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		var journals []*journal
		var channels []any
		for n := range 100 {
			channel := fmt.Sprintf("plain:%d", n)
			subscription, heard := r.subscription(client, channel, centrifuge.SubscriptionConfig{})
			r.must(subscription.Subscribe())
			journals, channels = append(journals, heard), append(channels, channel)
		}
		for _, heard := range journals {
			nth[centrifuge.SubscribedEvent](r, heard, "subscribed", 0)
		}
		r.call("broadcast", keys{"channels": channels, "data": "all"})
		for _, heard := range journals {
			r.untilValues(heard, "all")
		}
	})

	inBoth("a getToken that fails is asked again", closed, func(r *run) {
		var calls atomic.Int32
		client, j := r.client(centrifuge.Config{
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				if calls.Add(1) == 1 {
					return "", fmt.Errorf("the backend is away")
				}
				return token(keys{"sub": "42"}), nil
			}})
		r.check(client.Connect() != nil, "the first failure is told")
		nth[centrifuge.ConnectedEvent](r, j, "connected", 0)
		r.check(calls.Load() == 2, "%d calls", calls.Load())
	})

	inBoth("an unauthorized getToken is final", closed, func(r *run) {
		client, j := r.client(centrifuge.Config{
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				return "", centrifuge.ErrUnauthorized
			}})
		r.must(client.Connect())
		r.check(nth[centrifuge.DisconnectedEvent](r, j, "disconnected", 0).Code == 1, "its own code")
	})

	inBoth("an expired token is 109, and another is asked for", closed, func(r *run) {
		var calls atomic.Int32
		r.connected(centrifuge.Config{
			Token: token(keys{"sub": "42", "exp": secondsFromNow(-10)}),
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				calls.Add(1)
				return token(keys{"sub": "42", "exp": secondsFromNow(600)}), nil
			}})
		r.check(calls.Load() == 1, "%d calls", calls.Load())
	})

	inBoth("an invalid token closes 3500, none where one is needed 3501", closed, func(r *run) {
		for given, code := range map[string]uint32{"rubbish": 3500, "": 3501} {
			client, j := r.client(centrifuge.Config{Token: given})
			r.must(client.Connect())
			about := nth[centrifuge.DisconnectedEvent](r, j, "disconnected", 0)
			r.check(about.Code == code, "%+v, not %d", about, code)
		}
	})

	inBoth("a token is refreshed before it expires", keys{
		"client.allow_anonymous_connect_without_token": false, "client.expired_close_delay": "1s",
	}, func(r *run) {
		var calls atomic.Int32
		client, j := r.connected(centrifuge.Config{
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				life := int64(600)
				if calls.Add(1) < 3 {
					life = 2
				}
				return token(keys{"sub": "42", "exp": secondsFromNow(life)}), nil
			}})
		r.until("two refreshes", func() bool { return calls.Load() >= 3 })
		r.subscribe(client, "plain:x", centrifuge.SubscriptionConfig{})
		r.check(len(named[centrifuge.ConnectingEvent](j, "connecting")) == 1, "it stayed")
	})

	inBoth("a subscription token is asked for, and refreshed", keys{
		"client.expired_sub_close_delay": "1s",
	}, func(r *run) {
		var calls atomic.Int32
		client, _ := r.connected(centrifuge.Config{})
		subscription, heard := r.subscribe(client, "closed:x", centrifuge.SubscriptionConfig{
			GetToken: func(e centrifuge.SubscriptionTokenEvent) (string, error) {
				life := int64(600)
				if calls.Add(1) < 3 {
					life = 2
				}
				return token(keys{"channel": e.Channel, "exp": secondsFromNow(life)}), nil
			}})
		r.until("two refreshes", func() bool { return calls.Load() >= 3 })
		r.subscribe(client, "plain:x", centrifuge.SubscriptionConfig{})
		r.check(subscription.State() == centrifuge.SubStateSubscribed, "%v", subscription.State())
		r.check(len(named[centrifuge.SubscribedEvent](heard, "subscribed")) == 1, "it stayed")
	})

	inBoth("a closed channel is error 103, an unknown namespace 102", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		for channel, code := range map[string]uint32{"closed:x": 103, "nosuch:x": 102} {
			subscription, heard := r.subscription(client, channel, centrifuge.SubscriptionConfig{})
			r.must(subscription.Subscribe())
			about := nth[centrifuge.UnsubscribedEvent](r, heard, "unsubscribed", 0)
			r.check(about.Code == code, "%+v, not %d", about, code)
		}
	})

	inBoth("what nobody allowed is 103, what the channel has not is 108", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		readonly, _ := r.subscribe(client, "readonly:x", centrifuge.SubscriptionConfig{})
		_, fault := readonly.Publish(bounded(), []byte(`1`))
		r.refused(103, fault)
		_, fault = readonly.Presence(bounded())
		r.refused(103, fault)
		_, fault = readonly.PresenceStats(bounded())
		r.refused(103, fault)
		_, fault = readonly.History(bounded(), centrifuge.WithHistoryLimit(1))
		r.refused(103, fault)
		plain, _ := r.subscribe(client, "plain:x", centrifuge.SubscriptionConfig{})
		_, fault = plain.Presence(bounded())
		r.refused(108, fault)
		_, fault = plain.History(bounded(), centrifuge.WithHistoryLimit(1))
		r.refused(108, fault)
	})

	inBoth("presence, its counts, join and leave", nil, func(r *run) {
		one, mine := r.connected(centrifuge.Config{Token: token(keys{"sub": "1"})})
		subscription, heard := r.subscribe(one, "chat:x", centrifuge.SubscriptionConfig{})
		other, its := r.connected(centrifuge.Config{
			Token: token(keys{"sub": "2", "info": keys{"n": 2}})})
		r.subscribe(other, "chat:x", centrifuge.SubscriptionConfig{})
		myID := named[centrifuge.ConnectedEvent](mine, "connected")[0].ClientID
		itsID := named[centrifuge.ConnectedEvent](its, "connected")[0].ClientID
		presence, fault := subscription.Presence(bounded())
		r.must(fault)
		r.check(len(presence.Clients) == 2 && presence.Clients[myID].User == "1", "%+v", presence)
		r.check(presence.Clients[itsID].User == "2", "%+v", presence)
		r.check(string(presence.Clients[itsID].ConnInfo) == `{"n":2}`, "%+v", presence)
		stats, fault := subscription.PresenceStats(bounded())
		r.must(fault)
		r.check(stats.NumClients == 2 && stats.NumUsers == 2, "%+v", stats)
		isIn := func(name string) func() bool {
			return func() bool {
				for _, each := range named[centrifuge.ClientInfo](heard, name) {
					if each.Client == itsID {
						return true
					}
				}
				return false
			}
		}
		r.until("the join", isIn("join"))
		r.must(other.Disconnect())
		r.until("the leave", isIn("leave"))
	})

	inBoth("history in pages, backward, and the position alone", nil, func(r *run) {
		var epoch string
		for n := 1; n <= 10; n++ {
			epoch = r.publish("chat:x", n)["epoch"].(string)
		}
		client, _ := r.connected(centrifuge.Config{})
		subscription, _ := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
		read := func(wanted string, options ...centrifuge.HistoryOption) {
			answer, fault := subscription.History(bounded(), options...)
			r.must(fault)
			var got []string
			for _, each := range answer.Publications {
				got = append(got, string(each.Data))
			}
			r.check(strings.Join(got, " ") == wanted, "%v, not %s", got, wanted)
			r.check(answer.Offset == 10 && answer.Epoch == epoch, "%+v", answer)
		}
		limit, since := centrifuge.WithHistoryLimit, func(offset uint64) centrifuge.HistoryOption {
			return centrifuge.WithHistorySince(&centrifuge.StreamPosition{Offset: offset, Epoch: epoch})
		}
		read("1 2 3 4 5 6 7 8 9 10", limit(-1))
		read("5 6 7", limit(3), since(4))
		read("10 9", limit(2), centrifuge.WithHistoryReverse(true))
		read("4 3 2", limit(3), since(5), centrifuge.WithHistoryReverse(true))
		read("")
		_, fault := subscription.History(bounded(), limit(2),
			centrifuge.WithHistorySince(&centrifuge.StreamPosition{Offset: 1, Epoch: "other"}))
		r.refused(112, fault)
	})

	inBoth("recovers what was missed", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
		r.publish("chat:x", 1)
		r.untilValues(heard, 1)
		r.must(client.Disconnect())
		for n := 2; n <= 4; n++ {
			r.publish("chat:x", n)
		}
		r.must(client.Connect())
		r.untilValues(heard, 1, 2, 3, 4)
		again := nth[centrifuge.SubscribedEvent](r, heard, "subscribed", 1)
		r.check(again.WasRecovering && again.Recovered && again.Recoverable, "%+v", again)
	})

	inBoth("is told when it cannot recover", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "small:x", centrifuge.SubscriptionConfig{})
		r.publish("small:x", 1)
		r.untilValues(heard, 1)
		r.must(client.Disconnect())
		for n := 2; n <= 5; n++ {
			r.publish("small:x", n)
		}
		r.must(client.Connect())
		again := nth[centrifuge.SubscribedEvent](r, heard, "subscribed", 1)
		r.check(again.WasRecovering && !again.Recovered, "%+v", again)
		r.check(again.StreamPosition.Offset == 5, "%+v", again.StreamPosition)
		r.publish("small:x", 6)
		r.untilValues(heard, 1, 6)
	})

	inBoth("getState is asked where recovery fails", nil, func(r *run) {
		var calls atomic.Int32
		r.publish("small:x", 1)
		client, _ := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "small:x", centrifuge.SubscriptionConfig{
			GetState: func(centrifuge.SubscriptionGetStateEvent) (centrifuge.StreamPosition, error) {
				calls.Add(1)
				var position map[string]any
				// On a goroutine of the SDK, where nobody would catch a failure.
				fault := attempt(func() { position = r.call("history", keys{"channel": "small:x"}) })
				if fault != "" {
					return centrifuge.StreamPosition{}, errors.New(fault)
				}
				return centrifuge.StreamPosition{
					Offset: uint64(position["offset"].(float64)), Epoch: position["epoch"].(string)}, nil
			}})
		r.must(client.Disconnect())
		for n := 2; n <= 5; n++ {
			r.publish("small:x", n)
		}
		r.must(client.Connect())
		nth[centrifuge.SubscribedEvent](r, heard, "subscribed", 1)
		r.publish("small:x", 6)
		r.untilValues(heard, 6)
		r.check(calls.Load() == 2, "%d calls", calls.Load())
	})

	inBoth("comes back by itself after a restart", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
		r.server.drain(r)
		r.server.launch(r)
		nth[centrifuge.ConnectedEvent](r, j, "connected", 1)
		again := nth[centrifuge.SubscribedEvent](r, heard, "subscribed", 1)
		r.check(again.WasRecovering && !again.Recovered, "%+v", again)
		r.publish("chat:x", "back")
		r.untilValues(heard, "back")
	})

	inBoth("deltas are whole values", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "delta:x",
			centrifuge.SubscriptionConfig{Delta: centrifuge.DeltaTypeFossil})
		value := func(n int) any {
			return map[string]any{"seq": n, "price": fmt.Sprintf("61837.%d", n),
				"pad": strings.Repeat("abcdefghij", 40)}
		}
		var all []any
		for n := range 8 {
			all = append(all, value(n))
		}
		for _, each := range all[:4] {
			r.publish("delta:x", each)
		}
		r.untilValues(heard, all[:4]...)
		r.must(client.Disconnect())
		for _, each := range all[4:] {
			r.publish("delta:x", each)
		}
		r.must(client.Connect())
		r.untilValues(heard, all...)
	})

	inBoth("a tag filter lets its own through", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		_, heard := r.subscribe(client, "tagged:x", centrifuge.SubscriptionConfig{
			TagsFilter: centrifuge.FilterAnd(centrifuge.FilterIn("region", "eu", "us"),
				centrifuge.FilterNot(centrifuge.FilterLt("price", "10")))})
		for n, tags := range []map[string]string{
			{"region": "eu", "price": "10"}, {"region": "eu", "price": "9.99"},
			{"region": "asia", "price": "11"}, {}, {"region": "us", "price": "1000"}} {
			r.call("publish", keys{"channel": "tagged:x", "data": n, "tags": tags})
		}
		r.untilValues(heard, 0, 4)
		tags := named[centrifuge.Publication](heard, "publication")[0].Tags
		r.check(reflect.DeepEqual(tags, map[string]string{"region": "eu", "price": "10"}), "%v", tags)
	})

	inBoth("server-side subscriptions, from token and API", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{
			Token: token(keys{"sub": "42", "channels": []string{"chat:x"}})})
		about := nth[centrifuge.ServerSubscribedEvent](r, j, "subscribed", 0)
		r.check(about.Channel == "chat:x" && about.Recoverable, "%+v", about)
		r.call("subscribe", keys{"user": "42", "channel": "plain:y"})
		about = nth[centrifuge.ServerSubscribedEvent](r, j, "subscribed", 1)
		r.check(about.Channel == "plain:y", "%+v", about)
		r.publish("plain:y", "y")
		r.untilValues(j, "y")
		r.call("unsubscribe", keys{"user": "42", "channel": "plain:y"})
		gone := nth[centrifuge.ServerUnsubscribedEvent](r, j, "unsubscribed", 0)
		r.check(gone.Channel == "plain:y", "%+v", gone)
		r.must(client.Disconnect())
		r.publish("chat:x", "missed")
		r.must(client.Connect())
		r.untilValues(j, "y", "missed")
	})

	inBoth("the server unsubscribes and disconnects", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{Token: token(keys{"sub": "42"})})
		_, heard := r.subscribe(client, "plain:x", centrifuge.SubscriptionConfig{})
		r.call("unsubscribe", keys{"user": "42", "channel": "plain:x"})
		ended := nth[centrifuge.UnsubscribedEvent](r, heard, "unsubscribed", 0)
		r.check(ended.Code == 2000, "%+v", ended)
		r.call("disconnect", keys{"user": "42", "disconnect": keys{"code": 4001, "reason": "again"}})
		about := nth[centrifuge.ConnectingEvent](r, j, "connecting", 1)
		r.check(about.Code == 4001 && about.Reason == "again", "%+v", about)
		nth[centrifuge.ConnectedEvent](r, j, "connected", 1)
		r.call("disconnect", keys{"user": "42"})
		last := nth[centrifuge.DisconnectedEvent](r, j, "disconnected", 0)
		r.check(last.Code == 3503, "%+v", last)
	})

	inBoth("pings are answered", keys{
		"client.ping_interval": "1s", "client.pong_timeout": "700ms",
	}, func(r *run) {
		var calls atomic.Int32
		// A refresh 3 s after the connect shows that the connection outlived its pings.
		_, j := r.connected(centrifuge.Config{
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				calls.Add(1)
				return token(keys{"sub": "42", "exp": secondsFromNow(4)}), nil
			}})
		r.until("the refresh", func() bool { return calls.Load() >= 2 })
		r.check(len(named[centrifuge.ConnectingEvent](j, "connecting")) == 1, "it stayed")
	})

	inBoth("a big payload passes both ways", nil, func(r *run) {
		client, _ := r.connected(centrifuge.Config{})
		subscription, heard := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
		big := strings.Repeat("ä", 20000)
		_, fault := subscription.Publish(bounded(), []byte(`"`+big+`"`))
		r.must(fault)
		r.untilValues(heard, big)
	})

	inBoth("send without a handler closes 3508", nil, func(r *run) {
		client, j := r.connected(centrifuge.Config{})
		r.must(client.Send(bounded(), []byte(`{}`)))
		about := nth[centrifuge.DisconnectedEvent](r, j, "disconnected", 0)
		r.check(about.Code == 3508, "%+v", about)
	})

	cases = append(cases, testCase{"sdk_go: any bytes, in both directions [protobuf]", protobufForm,
		keys{}, anyBytes})
}

func anyBytes(r *run) {
	client, _ := r.connected(centrifuge.Config{})
	subscription, heard := r.subscribe(client, "chat:x", centrifuge.SubscriptionConfig{})
	data := make([]byte, 512)
	for i := range data {
		data[i] = byte(i)
	}
	_, fault := subscription.Publish(bounded(), data)
	r.must(fault)
	got := nth[centrifuge.Publication](r, heard, "publication", 0)
	r.check(string(got.Data) == string(data), "%v", got.Data)
}
