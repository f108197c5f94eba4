"""The operations with confluent-kafka, which has librdkafka in it."""

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka import IsolationLevel
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from program import answer, bytes_of, record


def producer_of(servers, **options):
    return Producer({"bootstrap.servers": servers, "linger.ms": 5, **options})


def consumer_of(servers, group, isolation="read_committed"):
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "fetch.wait.max.ms": 10,
        }
    )


def admin_of(servers):
    return AdminClient({"bootstrap.servers": servers})


def settled(futures):
    return [future.result(20) for future in futures.values()]


def failed(error, message):
    if error is not None:
        raise RuntimeError(str(error))


def produce(servers, task):
    options = {"compression.type": task["codec"], "enable.idempotence": task["idempotent"]}
    producer = producer_of(servers, **options)
    for each in task["records"]:
        producer.produce(
            task["topic"],
            partition=0,
            key=bytes_of(each["key"]),
            value=bytes_of(each["value"]),
            headers=[(name, bytes_of(value)) for name, value in each["headers"]],
            timestamp=each["timestamp"],
            on_delivery=failed,
        )
    if producer.flush(20) > 0:
        raise RuntimeError("not all was delivered")


def take(consumer, count):
    found = []
    while len(found) < count:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(str(message.error()))
        found.append(record(message.key(), message.value(), message.headers(), message.timestamp()[1]))
    return found


def consume(servers, task):
    consumer = consumer_of(servers, task["group"], task["isolation"])
    consumer.assign([TopicPartition(task["topic"], 0, OFFSET_BEGINNING)])
    found = take(consumer, task["count"])
    consumer.close()
    return found


def group(servers, task):
    consumer = consumer_of(servers, task["group"])
    consumer.subscribe([task["topic"]])
    found = take(consumer, task["count"])
    consumer.commit(offsets=[TopicPartition(task["topic"], 0, len(found))], asynchronous=False)
    consumer.close()
    return found


def share(servers, task):
    members = [consumer_of(servers, task["group"]) for _ in range(2)]
    for member in members:
        member.subscribe([task["topic"]])
    while True:
        for member in members:
            member.poll(0.05)
        shares = [[each.partition for each in member.assignment()] for member in members]
        if all(shares) and len(shares[0] + shares[1]) == task["partitions"]:
            break
    for member in members:
        member.close()
    return shares


def transactions(servers, task):
    producer = producer_of(servers, **{"transactional.id": task["transactionalId"]})
    producer.init_transactions(20)
    for at, values in enumerate(task["values"]):
        producer.begin_transaction()
        for value in values:
            producer.produce(task["topic"], value.encode(), partition=0, on_delivery=failed)
        producer.flush(20)
        if at % 2 == 0:
            producer.commit_transaction(20)
        else:
            producer.abort_transaction(20)


def copy(servers, task):
    producer = producer_of(servers, **{"transactional.id": task["transactionalId"]})
    producer.init_transactions(20)
    consumer = consumer_of(servers, task["group"])
    consumer.subscribe([task["source"]])
    found = take(consumer, task["count"])
    producer.begin_transaction()
    for each in found:
        producer.produce(task["target"], bytes_of(each["value"]), partition=0, on_delivery=failed)
    offsets = [TopicPartition(task["source"], 0, len(found))]
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 20)
    producer.commit_transaction(20)
    consumer.close()


def create_topic(servers, task):
    admin = admin_of(servers)
    topic = task["topic"]
    settled(admin.create_topics([NewTopic(topic, task["partitions"], 1, config=task["config"])]))
    settled(admin.create_partitions([NewPartitions(topic, task["morePartitions"])]))
    listed = topic in admin.list_topics(timeout=20).topics
    return {"listed": listed, "partitions": len(admin.list_topics(topic, timeout=20).topics[topic].partitions)}


def delete_topic(servers, task):
    admin = admin_of(servers)  # kept, or it ends before its request does
    settled(admin.delete_topics([task["topic"]]))


def configs(servers, task):
    admin = admin_of(servers)
    topic, name = task["topic"], task["name"]

    def described():
        [found] = settled(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
        return found[name].value

    before = described()
    entry = ConfigEntry(name, task["value"], incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    settled(admin.incremental_alter_configs([changed]))
    return {"before": before, "after": described()}


def offsets(servers, task):
    admin = admin_of(servers)
    partition = TopicPartition(task["topic"], 0)

    def at(spec):
        level = IsolationLevel.READ_UNCOMMITTED
        [found] = settled(admin.list_offsets({partition: spec}, isolation_level=level))
        return found.offset

    return {
        "earliest": at(OffsetSpec.earliest()),
        "latest": at(OffsetSpec.latest()),
        "atTimestamp": at(OffsetSpec.for_timestamp(task["timestamp"])),
    }


def groups(servers, task):
    admin = admin_of(servers)
    name = task["group"]

    def listed():
        found = admin.list_consumer_groups(request_timeout=20).result(20)
        return any(each.group_id == name for each in found.valid)

    before = listed()
    [described] = settled(admin.describe_consumer_groups([name]))
    [offsets_found] = settled(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]))
    settled(admin.delete_consumer_groups([name]))
    return {
        "listed": before,
        "state": described.state.name.capitalize(),
        "members": len(described.members),
        "committed": next(each.offset for each in offsets_found.topic_partitions if each.topic == task["topic"]),
        "listedAfterwards": listed(),
    }


def delete_records(servers, task):
    admin = admin_of(servers)
    settled(admin.delete_records([TopicPartition(task["topic"], 0, task["before"])]))


answer(
    {
        "produce": produce,
        "consume": consume,
        "group": group,
        "share": share,
        "transactions": transactions,
        "copy": copy,
        "createTopic": create_topic,
        "deleteTopic": delete_topic,
        "configs": configs,
        "offsets": offsets,
        "groups": groups,
        "deleteRecords": delete_records,
    }
)
