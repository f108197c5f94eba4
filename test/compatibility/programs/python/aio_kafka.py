"""The operations with aiokafka."""

import asyncio
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from program import answer, bytes_of, record


def consumer_of(servers, group, isolation="read_committed", *topics):
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level=isolation,
        fetch_max_wait_ms=50,
    )


@asynccontextmanager
async def admin_of(servers):
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def produce(servers, task):
    codec = None if task["codec"] == "none" else task["codec"]
    idempotent = task["idempotent"]
    async with AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", compression_type=codec, enable_idempotence=idempotent, linger_ms=5
    ) as producer:
        futures = [
            await producer.send(
                task["topic"],
                partition=0,
                key=bytes_of(each["key"]),
                value=bytes_of(each["value"]),
                headers=[(name, bytes_of(value)) for name, value in each["headers"]],
                timestamp_ms=each["timestamp"],
            )
            for each in task["records"]
        ]
        await asyncio.gather(*futures)


async def take(consumer, count):
    found = []
    async for message in consumer:
        found.append(record(message.key, message.value, message.headers, message.timestamp))
        if len(found) == count:
            return found


async def consume(servers, task):
    async with consumer_of(servers, None, task["isolation"], task["topic"]) as consumer:
        return await take(consumer, task["count"])


async def group(servers, task):
    async with consumer_of(servers, task["group"], "read_committed", task["topic"]) as consumer:
        found = await take(consumer, task["count"])
        await consumer.commit({TopicPartition(task["topic"], 0): len(found)})
        return found


async def share(servers, task):
    async with (
        consumer_of(servers, task["group"], "read_committed", task["topic"]) as first,
        consumer_of(servers, task["group"], "read_committed", task["topic"]) as second,
    ):
        while True:
            shares = [[each.partition for each in member.assignment()] for member in (first, second)]
            if all(shares) and len(shares[0] + shares[1]) == task["partitions"]:
                return shares
            await asyncio.sleep(0.02)


async def transactions(servers, task):
    async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id=task["transactionalId"]) as producer:
        for at, values in enumerate(task["values"]):
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(task["topic"], value.encode(), partition=0)
            if at % 2 == 0:
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()


async def copy(servers, task):
    async with (
        AIOKafkaProducer(bootstrap_servers=servers, transactional_id=task["transactionalId"]) as producer,
        consumer_of(servers, task["group"], "read_committed", task["source"]) as consumer,
    ):
        found = await take(consumer, task["count"])
        async with producer.transaction():
            for each in found:
                await producer.send_and_wait(task["target"], bytes_of(each["value"]), partition=0)
            offsets = {TopicPartition(task["source"], 0): len(found)}
            await producer.send_offsets_to_transaction(offsets, task["group"])


async def create_topic(servers, task):
    topic = task["topic"]
    async with admin_of(servers) as admin:
        await admin.create_topics([NewTopic(topic, task["partitions"], 1, topic_configs=task["config"])])
        await admin.create_partitions({topic: NewPartitions(total_count=task["morePartitions"])})
        listed = topic in await admin.list_topics()
        [described] = await admin.describe_topics([topic])
        return {"listed": listed, "partitions": len(described["partitions"])}


async def delete_topic(servers, task):
    async with admin_of(servers) as admin:
        await admin.delete_topics([task["topic"]])


async def configs(servers, task):
    topic, name = task["topic"], task["name"]
    async with admin_of(servers) as admin:

        async def described():
            [found] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})])
            entries = found.resources[0][4]
            return next(entry[1] for entry in entries if entry[0] == name)

        before = await described()
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: task["value"]})])
        return {"before": before, "after": await described()}


async def offsets(servers, task):
    partition = TopicPartition(task["topic"], 0)
    async with consumer_of(servers, None) as consumer:
        earliest = (await consumer.beginning_offsets([partition]))[partition]
        latest = (await consumer.end_offsets([partition]))[partition]
        found = (await consumer.offsets_for_times({partition: task["timestamp"]}))[partition]
        return {"earliest": earliest, "latest": latest, "atTimestamp": found.offset}


async def delete_records(servers, task):
    async with admin_of(servers) as admin:
        await admin.delete_records({TopicPartition(task["topic"], 0): RecordsToDelete(task["before"])})


operations = {
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
    "deleteRecords": delete_records,
}
answer({name: lambda servers, task, each=each: asyncio.run(each(servers, task)) for name, each in operations.items()})
