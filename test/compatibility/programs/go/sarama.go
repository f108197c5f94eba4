package main

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var saramaCodecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

func saramaConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 50 * time.Millisecond
	config.Consumer.Return.Errors = true
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	return config
}

func transactional(id string) *sarama.Config {
	config := saramaConfig()
	config.Producer.Idempotent = true
	config.Producer.Transaction.ID = id
	config.Net.MaxOpenRequests = 1
	return config
}

func bytesOf(raw []byte) sarama.Encoder {
	if raw == nil {
		return nil
	}
	return sarama.ByteEncoder(raw)
}

func valuesOf(topic string, values []string) []*sarama.ProducerMessage {
	var messages []*sarama.ProducerMessage
	for _, value := range values {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	}
	return messages
}

func recordOf(message *sarama.ConsumerMessage) record {
	headers := []header{}
	for _, each := range message.Headers {
		headers = append(headers, header{string(each.Key), each.Value})
	}
	return record{message.Key, message.Value, headers, message.Timestamp.UnixMilli()}
}

// member is one of a group. It hands its first messages to `take` and tells its partitions to `holds`.
type member struct {
	take  func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) (enough bool)
	holds func(claims map[string][]int32)
}

func (m member) Setup(session sarama.ConsumerGroupSession) error {
	if m.holds != nil {
		m.holds(session.Claims())
	}
	return nil
}

func (m member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open || m.take != nil && m.take(session, message) {
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

// saramaMembership reads the first records of a topic as the only member of a group; `then` is called while it is still one.
func saramaMembership(ctx context.Context, servers []string, group, topic string, count int,
	then func(session sarama.ConsumerGroupSession, last *sarama.ConsumerMessage)) []record {
	consumer := got(sarama.NewConsumerGroup(servers, group, saramaConfig()))
	var found []record
	must(consumer.Consume(ctx, []string{topic}, member{
		take: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			found = append(found, recordOf(message))
			if len(found) < count {
				return false
			}
			then(session, message)
			return true
		},
	}))
	must(consumer.Close())
	return found
}

func saramaAdmin(servers []string, act func(admin sarama.ClusterAdmin)) {
	admin := got(sarama.NewClusterAdmin(servers, saramaConfig()))
	act(admin)
	must(admin.Close())
}

var saramaClient = map[string]operation{
	"produce": func(_ context.Context, servers []string, t task) any {
		config := saramaConfig()
		config.Producer.Compression = saramaCodecs[t.Codec]
		if t.Idempotent {
			config.Producer.Idempotent = true
			config.Net.MaxOpenRequests = 1
		}
		producer := got(sarama.NewSyncProducer(servers, config))
		var messages []*sarama.ProducerMessage
		for _, each := range t.Records {
			message := &sarama.ProducerMessage{
				Topic: t.Topic, Key: bytesOf(each.Key), Value: bytesOf(each.Value), Timestamp: time.UnixMilli(each.Timestamp),
			}
			for _, h := range each.Headers {
				message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(h.name), Value: h.value})
			}
			messages = append(messages, message)
		}
		must(producer.SendMessages(messages))
		must(producer.Close())
		return nil
	},

	"consume": func(_ context.Context, servers []string, t task) any {
		config := saramaConfig()
		if t.Isolation == "read_committed" {
			config.Consumer.IsolationLevel = sarama.ReadCommitted
		}
		consumer := got(sarama.NewConsumer(servers, config))
		partition := got(consumer.ConsumePartition(t.Topic, 0, sarama.OffsetOldest))
		var found []record
		for len(found) < t.Count {
			select {
			case message := <-partition.Messages():
				found = append(found, recordOf(message))
			case err := <-partition.Errors():
				panic(err)
			}
		}
		must(partition.Close())
		must(consumer.Close())
		return found
	},

	"group": func(ctx context.Context, servers []string, t task) any {
		return saramaMembership(ctx, servers, t.Group, t.Topic, t.Count,
			func(session sarama.ConsumerGroupSession, last *sarama.ConsumerMessage) {
				session.MarkMessage(last, "")
				session.Commit()
			})
	},

	"share": func(ctx context.Context, servers []string, t task) any {
		var mutex sync.Mutex
		ctx, leave := context.WithCancel(ctx)
		shares := [][]int32{{}, {}}
		shared := make(chan [][]int32, 1)
		var members sync.WaitGroup
		for at := range shares {
			holds := func(claims map[string][]int32) {
				mutex.Lock()
				defer mutex.Unlock()
				shares[at] = claims[t.Topic]
				if len(shares[0]) > 0 && len(shares[1]) > 0 && len(shares[0])+len(shares[1]) == int(t.Partitions) {
					select {
					case shared <- [][]int32{shares[0], shares[1]}:
					default:
					}
				}
			}
			consumer := got(sarama.NewConsumerGroup(servers, t.Group, saramaConfig()))
			members.Go(func() {
				for ctx.Err() == nil {
					must(consumer.Consume(ctx, []string{t.Topic}, member{holds: holds}))
				}
				must(consumer.Close())
			})
		}
		found := <-shared
		leave()
		members.Wait()
		return found
	},

	"transactions": func(_ context.Context, servers []string, t task) any {
		producer := got(sarama.NewSyncProducer(servers, transactional(t.TransactionalID)))
		for at, values := range t.Values {
			must(producer.BeginTxn())
			must(producer.SendMessages(valuesOf(t.Topic, values)))
			if at%2 == 0 {
				must(producer.CommitTxn())
			} else {
				must(producer.AbortTxn())
			}
		}
		must(producer.Close())
		return nil
	},

	"copy": func(ctx context.Context, servers []string, t task) any {
		producer := got(sarama.NewSyncProducer(servers, transactional(t.TransactionalID)))
		var values []string
		consumer := got(sarama.NewConsumerGroup(servers, t.Group, saramaConfig()))
		must(consumer.Consume(ctx, []string{t.Source}, member{
			take: func(_ sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
				values = append(values, string(message.Value))
				if len(values) < t.Count {
					return false
				}
				must(producer.BeginTxn())
				must(producer.SendMessages(valuesOf(t.Target, values)))
				must(producer.AddMessageToTxn(message, t.Group, nil))
				must(producer.CommitTxn())
				return true
			},
		}))
		must(consumer.Close())
		must(producer.Close())
		return nil
	},

	"createTopic": func(_ context.Context, servers []string, t task) (answer any) {
		saramaAdmin(servers, func(admin sarama.ClusterAdmin) {
			entries := map[string]*string{}
			for name, value := range t.Config {
				entries[name] = &value
			}
			detail := &sarama.TopicDetail{NumPartitions: t.Partitions, ReplicationFactor: 1, ConfigEntries: entries}
			must(admin.CreateTopic(t.Topic, detail, false))
			must(admin.CreatePartitions(t.Topic, int32(t.MorePartitions), nil, false))
			_, listed := got(admin.ListTopics())[t.Topic]
			described := got(admin.DescribeTopics([]string{t.Topic}))[0]
			answer = map[string]any{"listed": listed, "partitions": len(described.Partitions)}
		})
		return answer
	},

	"deleteTopic": func(_ context.Context, servers []string, t task) any {
		saramaAdmin(servers, func(admin sarama.ClusterAdmin) { must(admin.DeleteTopic(t.Topic)) })
		return nil
	},

	"configs": func(_ context.Context, servers []string, t task) (answer any) {
		saramaAdmin(servers, func(admin sarama.ClusterAdmin) {
			described := func() string {
				resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: t.Topic, ConfigNames: []string{t.Name}}
				return got(admin.DescribeConfig(resource))[0].Value
			}
			before := described()
			entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &t.Value}
			entries := map[string]sarama.IncrementalAlterConfigsEntry{t.Name: entry}
			must(admin.IncrementalAlterConfig(sarama.TopicResource, t.Topic, entries, false))
			answer = map[string]string{"before": before, "after": described()}
		})
		return answer
	},

	"offsets": func(_ context.Context, servers []string, t task) any {
		client := got(sarama.NewClient(servers, saramaConfig()))
		answer := map[string]int64{
			"earliest":    got(client.GetOffset(t.Topic, 0, sarama.OffsetOldest)),
			"latest":      got(client.GetOffset(t.Topic, 0, sarama.OffsetNewest)),
			"atTimestamp": got(client.GetOffset(t.Topic, 0, t.Timestamp)),
		}
		must(client.Close())
		return answer
	},

	"groups": func(_ context.Context, servers []string, t task) (answer any) {
		saramaAdmin(servers, func(admin sarama.ClusterAdmin) {
			listed := func() bool {
				_, found := got(admin.ListConsumerGroups())[t.Group]
				return found
			}
			before := listed()
			described := got(admin.DescribeConsumerGroups([]string{t.Group}))[0]
			offsets := got(admin.ListConsumerGroupOffsets(t.Group, map[string][]int32{t.Topic: {0}}))
			must(admin.DeleteConsumerGroup(t.Group))
			answer = map[string]any{
				"listed": before, "state": described.State, "members": len(described.Members),
				"committed": offsets.GetBlock(t.Topic, 0).Offset, "listedAfterwards": listed(),
			}
		})
		return answer
	},

	"deleteRecords": func(_ context.Context, servers []string, t task) any {
		saramaAdmin(servers, func(admin sarama.ClusterAdmin) { must(admin.DeleteRecords(t.Topic, map[int32]int64{0: t.Before})) })
		return nil
	},
}
