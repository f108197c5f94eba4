package main

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var franzCodecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func franzClient(servers []string, options ...kgo.Opt) *kgo.Client {
	options = append(options, kgo.SeedBrokers(servers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return got(kgo.NewClient(options...))
}

func franzReader(servers []string, topic string, options ...kgo.Opt) *kgo.Client {
	options = append(options,
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond),
		kgo.DisableAutoCommit(),
	)
	return franzClient(servers, options...)
}

func franzTake(ctx context.Context, client *kgo.Client, count int) []record {
	var found []record
	for len(found) < count {
		fetches := client.PollFetches(ctx)
		for _, each := range fetches.Errors() {
			must(each.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			headers := []header{}
			for _, each := range r.Headers {
				headers = append(headers, header{each.Key, each.Value})
			}
			found = append(found, record{r.Key, r.Value, headers, r.Timestamp.UnixMilli()})
		})
	}
	return found
}

func franzAdmin(servers []string, act func(admin *kadm.Client)) {
	client := franzClient(servers)
	defer client.Close()
	act(kadm.NewClient(client))
}

var franzGo = map[string]operation{
	"produce": func(ctx context.Context, servers []string, t task) any {
		options := []kgo.Opt{kgo.ProducerBatchCompression(franzCodecs[t.Codec]), kgo.ProducerLinger(5 * time.Millisecond)}
		if !t.Idempotent {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		client := franzClient(servers, options...)
		defer client.Close()
		records := make([]*kgo.Record, 0, len(t.Records))
		for _, each := range t.Records {
			r := &kgo.Record{Topic: t.Topic, Key: each.Key, Value: each.Value, Timestamp: time.UnixMilli(each.Timestamp)}
			for _, h := range each.Headers {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
			}
			records = append(records, r)
		}
		must(client.ProduceSync(ctx, records...).FirstErr())
		return nil
	},

	"consume": func(ctx context.Context, servers []string, t task) any {
		isolation := kgo.ReadUncommitted()
		if t.Isolation == "read_committed" {
			isolation = kgo.ReadCommitted()
		}
		// Without a group, and so without DisableAutoCommit, which belongs to one.
		client := franzClient(servers, kgo.ConsumeTopics(t.Topic), kgo.FetchIsolationLevel(isolation),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
		defer client.Close()
		return franzTake(ctx, client, t.Count)
	},

	"group": func(ctx context.Context, servers []string, t task) any {
		client := franzReader(servers, t.Topic, kgo.ConsumerGroup(t.Group))
		defer client.Close()
		found := franzTake(ctx, client, t.Count)
		must(client.CommitUncommittedOffsets(ctx))
		must(client.LeaveGroupContext(ctx))
		return found
	},

	"share": func(ctx context.Context, servers []string, t task) any {
		var mutex sync.Mutex
		shares := []map[int32]bool{{}, {}}
		for at := range shares {
			change := func(holds bool) func(context.Context, *kgo.Client, map[string][]int32) {
				return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
					mutex.Lock()
					defer mutex.Unlock()
					for _, partition := range changed[t.Topic] {
						if holds {
							shares[at][partition] = true
						} else {
							delete(shares[at], partition)
						}
					}
				}
			}
			client := franzReader(servers, t.Topic, kgo.ConsumerGroup(t.Group),
				kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)),
				kgo.HeartbeatInterval(200*time.Millisecond))
			defer client.Close()
			go func() {
				for !client.PollFetches(ctx).IsClientClosed() {
				}
			}()
		}
		for {
			mutex.Lock()
			if len(shares[0]) > 0 && len(shares[1]) > 0 && len(shares[0])+len(shares[1]) == int(t.Partitions) {
				found := [][]int32{{}, {}}
				for at, share := range shares {
					for partition := range share {
						found[at] = append(found[at], partition)
					}
				}
				mutex.Unlock()
				return found
			}
			mutex.Unlock()
			must(ctx.Err())
			time.Sleep(20 * time.Millisecond)
		}
	},

	"transactions": func(ctx context.Context, servers []string, t task) any {
		client := franzClient(servers, kgo.TransactionalID(t.TransactionalID))
		defer client.Close()
		for at, values := range t.Values {
			must(client.BeginTransaction())
			for _, value := range values {
				must(client.ProduceSync(ctx, &kgo.Record{Topic: t.Topic, Value: []byte(value)}).FirstErr())
			}
			must(client.EndTransaction(ctx, kgo.TransactionEndTry(at%2 == 0)))
		}
		return nil
	},

	"copy": func(ctx context.Context, servers []string, t task) any {
		session := got(kgo.NewGroupTransactSession(
			kgo.SeedBrokers(servers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.TransactionalID(t.TransactionalID), kgo.ConsumerGroup(t.Group), kgo.ConsumeTopics(t.Source),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(50*time.Millisecond)))
		defer session.Close()
		for copied := 0; copied < t.Count; {
			fetches := session.PollFetches(ctx)
			for _, each := range fetches.Errors() {
				must(each.Err)
			}
			must(session.Begin())
			fetches.EachRecord(func(r *kgo.Record) {
				copied++
				session.Produce(ctx, &kgo.Record{Topic: t.Target, Value: r.Value}, func(_ *kgo.Record, err error) { must(err) })
			})
			if !got(session.End(ctx, kgo.TryCommit)) {
				panic("the transaction was not committed")
			}
		}
		return nil
	},

	"createTopic": func(ctx context.Context, servers []string, t task) (answer any) {
		franzAdmin(servers, func(admin *kadm.Client) {
			configs := map[string]*string{}
			for name, value := range t.Config {
				configs[name] = kadm.StringPtr(value)
			}
			must(got(admin.CreateTopic(ctx, t.Partitions, 1, configs, t.Topic)).Err)
			must(got(admin.UpdatePartitions(ctx, t.MorePartitions, t.Topic)).Error())
			topics := got(admin.ListTopics(ctx))
			answer = map[string]any{"listed": topics.Has(t.Topic), "partitions": len(topics[t.Topic].Partitions)}
		})
		return answer
	},

	"deleteTopic": func(ctx context.Context, servers []string, t task) any {
		franzAdmin(servers, func(admin *kadm.Client) { must(got(admin.DeleteTopic(ctx, t.Topic)).Err) })
		return nil
	},

	"configs": func(ctx context.Context, servers []string, t task) (answer any) {
		franzAdmin(servers, func(admin *kadm.Client) {
			described := func() string {
				found := got(got(admin.DescribeTopicConfigs(ctx, t.Topic)).On(t.Topic, nil))
				for _, each := range found.Configs {
					if each.Key == t.Name {
						return each.MaybeValue()
					}
				}
				panic("it is not described")
			}
			before := described()
			changed := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: t.Name, Value: kadm.StringPtr(t.Value)}}
			must(got(got(admin.AlterTopicConfigs(ctx, changed, t.Topic)).On(t.Topic, nil)).Err)
			answer = map[string]string{"before": before, "after": described()}
		})
		return answer
	},

	"offsets": func(ctx context.Context, servers []string, t task) (answer any) {
		franzAdmin(servers, func(admin *kadm.Client) {
			first := func(found kadm.ListedOffsets, err error) int64 {
				must(err)
				must(found.Error())
				offset, _ := found.Lookup(t.Topic, 0)
				return offset.Offset
			}
			answer = map[string]int64{
				"earliest":    first(admin.ListStartOffsets(ctx, t.Topic)),
				"latest":      first(admin.ListEndOffsets(ctx, t.Topic)),
				"atTimestamp": first(admin.ListOffsetsAfterMilli(ctx, t.Timestamp, t.Topic)),
			}
		})
		return answer
	},

	"groups": func(ctx context.Context, servers []string, t task) (answer any) {
		franzAdmin(servers, func(admin *kadm.Client) {
			listed := func() bool {
				_, found := got(admin.ListGroups(ctx))[t.Group]
				return found
			}
			before := listed()
			described := got(admin.DescribeGroups(ctx, t.Group))[t.Group]
			must(described.Err)
			committed, _ := got(admin.FetchOffsets(ctx, t.Group)).Lookup(t.Topic, 0)
			must(got(admin.DeleteGroup(ctx, t.Group)).Err)
			answer = map[string]any{
				"listed": before, "state": described.State, "members": len(described.Members),
				"committed": committed.At, "listedAfterwards": listed(),
			}
		})
		return answer
	},

	"deleteRecords": func(ctx context.Context, servers []string, t task) any {
		franzAdmin(servers, func(admin *kadm.Client) {
			var offsets kadm.Offsets
			offsets.AddOffset(t.Topic, 0, t.Before, -1)
			must(got(admin.DeleteRecords(ctx, offsets)).Error())
		})
		return nil
	},
}
