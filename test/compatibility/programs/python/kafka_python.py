"""The operations with kafka-python."""

import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.structs import OffsetAndMetadata

from program import answer, bytes_of, record


def producer_of(servers, **options):
    return KafkaProducer(bootstrap_servers=servers, acks="all", **options)


def consumer_of(servers, group, isolation="read_committed", **options):
    return KafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level=isolation,
        fetch_max_wait_ms=50,
        **options,
    )


def admin_of(servers):
    return KafkaAdminClient(bootstrap_servers=servers)


def produce(servers, task):
    codec = None if task["codec"] == "none" else task["codec"]
    producer = producer_of(servers, compression_type=codec, enable_idempotence=task["idempotent"], linger_ms=5)
    futures = [
        producer.send(
            task["topic"],
            partition=0,
            key=bytes_of(each["key"]),
            value=bytes_of(each["value"]),
            headers=[(name, bytes_of(value)) for name, value in each["headers"]],
            timestamp_ms=each["timestamp"],
        )
        for each in task["records"]
    ]
    for future in futures:
        future.get(timeout=20)
    producer.close()


def take(consumer, count):
    found = []
    for message in consumer:
        found.append(record(message.key, message.value, message.headers, message.timestamp))
        if len(found) == count:
            return found


def consume(servers, task):
    consumer = consumer_of(servers, None, task["isolation"])
    consumer.assign([TopicPartition(task["topic"], 0)])
    consumer.seek_to_beginning()
    found = take(consumer, task["count"])
    consumer.close()
    return found


def group(servers, task):
    consumer = consumer_of(servers, task["group"])
    consumer.subscribe([task["topic"]])
    found = take(consumer, task["count"])
    consumer.commit({TopicPartition(task["topic"], 0): OffsetAndMetadata(len(found), "", -1)})
    consumer.close()
    return found


def share(servers, task):
    shares = [[], []]
    shared = threading.Event()

    def member(at):
        consumer = consumer_of(servers, task["group"])
        consumer.subscribe([task["topic"]])
        while not shared.is_set():
            consumer.poll(timeout_ms=50)
            shares[at] = [each.partition for each in consumer.assignment()]
        consumer.close()

    threads = [threading.Thread(target=member, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    while not (all(shares) and len(shares[0] + shares[1]) == task["partitions"]):
        time.sleep(0.02)
    found = [list(each) for each in shares]
    shared.set()
    for thread in threads:
        thread.join()
    return found


def transactions(servers, task):
    producer = producer_of(servers, transactional_id=task["transactionalId"])
    producer.init_transactions()
    for at, values in enumerate(task["values"]):
        producer.begin_transaction()
        futures = [producer.send(task["topic"], value.encode(), partition=0) for value in values]
        # An abort would take back what has not been sent yet.
        producer.flush()
        for future in futures:
            future.get(timeout=20)
        if at % 2 == 0:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()


def copy(servers, task):
    producer = producer_of(servers, transactional_id=task["transactionalId"])
    producer.init_transactions()
    consumer = consumer_of(servers, task["group"])
    consumer.subscribe([task["source"]])
    found = take(consumer, task["count"])
    producer.begin_transaction()
    for each in found:
        producer.send(task["target"], bytes_of(each["value"]), partition=0)
    offsets = {TopicPartition(task["source"], 0): OffsetAndMetadata(len(found), "", -1)}
    producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
    producer.commit_transaction()
    consumer.close()
    producer.close()


def create_topic(servers, task):
    admin = admin_of(servers)
    topic = task["topic"]
    options = {"num_partitions": task["partitions"], "replication_factor": 1, "configs": task["config"]}
    admin.create_topics({topic: options})
    admin.create_partitions({topic: task["morePartitions"]})
    listed = topic in admin.list_topics()
    [described] = admin.describe_topics([topic])
    admin.close()
    return {"listed": listed, "partitions": len(described["partitions"])}


def delete_topic(servers, task):
    admin = admin_of(servers)
    admin.delete_topics([task["topic"]])
    admin.close()


def configs(servers, task):
    admin = admin_of(servers)
    topic, name = task["topic"], task["name"]

    def described():
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})])
        return value_in(found, name)

    before = described()
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: task["value"]})])
    after = described()
    admin.close()
    return {"before": before, "after": after}


def value_in(found, name):
    """The value of a configuration, somewhere in the nested answer: {type: {resource: {name: {value: ...}}}}."""
    if name in found:
        return found[name]["value"]
    return next(value_in(each, name) for each in found.values())


def offsets(servers, task):
    admin = admin_of(servers)
    partition = TopicPartition(task["topic"], 0)

    def at(spec):
        return admin.list_partition_offsets({partition: spec})[partition].offset

    found = {
        "earliest": at(OffsetSpec.EARLIEST),
        "latest": at(OffsetSpec.LATEST),
        "atTimestamp": at(task["timestamp"]),
    }
    admin.close()
    return found


def groups(servers, task):
    admin = admin_of(servers)
    name = task["group"]

    def listed():
        return any(each["group_id"] == name for each in admin.list_groups())

    before = listed()
    described = admin.describe_groups([name])[name]
    committed = admin.list_group_offsets({name: None})[name][TopicPartition(task["topic"], 0)].offset
    admin.delete_groups([name])
    found = {
        "listed": before,
        "state": described["group_state"],
        "members": len(described["members"]),
        "committed": committed,
        "listedAfterwards": listed(),
    }
    admin.close()
    return found


def delete_records(servers, task):
    admin = admin_of(servers)
    admin.delete_records({TopicPartition(task["topic"], 0): task["before"]})
    admin.close()


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
