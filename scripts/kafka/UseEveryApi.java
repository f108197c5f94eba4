import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;

/**
 * Has the Java clients 4.3 send each request that they know, for scripts/record-golden-bytes.mjs. The broker needs an authorizer,
 * `transaction.version` 1 (2 is set half way) and, for telemetry, a reporter with a ClientTelemetryReceiver.
 * AlterConfigs is not in these clients any more. Argument: the recorder's address.
 */
public class UseEveryApi {
  static String servers;
  static Admin admin;
  static final TopicPartition partition = new TopicPartition("every-api", 0);

  public static void main(String[] args) throws Exception {
    servers = args[0];
    admin = Admin.create(Map.of("bootstrap.servers", servers));
    topicsAndRecords();
    configurations();
    classicGroup();
    consumerGroup();
    transactions();
    security();
    telemetry();
    admin.close();
  }

  static <T> T result(KafkaFuture<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  /** For requests of which only the frames matter: their refusal is as good. */
  static void attempt(KafkaFuture<?> future) throws Exception {
    try {
      result(future);
    } catch (java.util.concurrent.ExecutionException refused) {
      System.err.println("refused: " + refused.getCause());
    }
  }

  static Map<String, Object> settings(Object... pairs) {
    Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", servers, "enable.metrics.push", false));
    for (int at = 0; at < pairs.length; at += 2) all.put((String) pairs[at], pairs[at + 1]);
    return all;
  }

  static KafkaProducer<String, String> producer(Object... pairs) {
    return new KafkaProducer<>(settings(pairs), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(Object... pairs) {
    var all = settings(pairs);
    all.put("auto.offset.reset", "earliest");
    all.put("enable.auto.commit", false);
    return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
  }

  static void pollUntil(KafkaConsumer<?, ?> consumer, BooleanSupplier done) {
    for (long end = System.nanoTime() + 20_000_000_000L; !done.getAsBoolean() && System.nanoTime() < end; )
      consumer.poll(Duration.ofMillis(100));
  }

  static void topicsAndRecords() throws Exception {
    result(admin.createTopics(List.of(new NewTopic("every-api", 2, (short) 1))).all());
    try (var producer = producer()) {
      for (int record = 0; record < 10; record++)
        producer.send(new ProducerRecord<>("every-api", 0, "key", "value " + record)).get();
    }
    result(admin.describeTopics(List.of("every-api")).allTopicNames());
    result(admin.createPartitions(Map.of("every-api", NewPartitions.increaseTo(3))).all());
    attempt(admin.createPartitions(Map.of("every-api", NewPartitions.increaseTo(4, List.of(List.of(99))))).all());
    result(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(3))).all());
    var directories = result(admin.describeLogDirs(List.of(1)).allDescriptions()).get(1);
    attempt(admin.alterReplicaLogDirs(
        Map.of(new TopicPartitionReplica("every-api", 0, 1), directories.keySet().iterator().next())).all());
    attempt(admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).all());
    attempt(admin.electLeaders(ElectionType.UNCLEAN, Set.of(new TopicPartition("none", 0))).all());
    attempt(admin.alterPartitionReassignments(
        Map.of(partition, Optional.of(new NewPartitionReassignment(List.of(1))))).all());
    attempt(admin.alterPartitionReassignments(Map.of(partition, Optional.empty())).all());
    result(admin.listPartitionReassignments().reassignments());
    result(admin.listPartitionReassignments(Set.of(partition)).reassignments());
    result(admin.describeMetadataQuorum().quorumInfo());
    try (var consumer = consumer()) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, new OffsetAndMetadata(5, Optional.of(0), ""));
      var seen = new int[1];
      pollUntil(consumer, () -> (seen[0] += consumer.poll(Duration.ofMillis(100)).count()) > 0);
    }
  }

  static void configurations() throws Exception {
    var topic = new ConfigResource(ConfigResource.Type.TOPIC, "every-api");
    result(admin.incrementalAlterConfigs(Map.of(topic, List.of(
        new AlterConfigOp(new ConfigEntry("retention.ms", "86400000"), AlterConfigOp.OpType.SET),
        new AlterConfigOp(new ConfigEntry("segment.bytes", null), AlterConfigOp.OpType.DELETE)))).all());
    attempt(admin.incrementalAlterConfigs(Map.of(topic, List.of(
        new AlterConfigOp(new ConfigEntry("no.such.config", "1"), AlterConfigOp.OpType.SET)))).all());
    var metrics = new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "everything");
    result(admin.incrementalAlterConfigs(Map.of(metrics, List.of(
        new AlterConfigOp(new ConfigEntry("metrics", "org.apache.kafka.producer.connection."), AlterConfigOp.OpType.SET),
        new AlterConfigOp(new ConfigEntry("interval.ms", "500"), AlterConfigOp.OpType.SET)))).all());
    result(admin.listConfigResources(Set.of(ConfigResource.Type.TOPIC, ConfigResource.Type.CLIENT_METRICS),
        new ListConfigResourcesOptions()).all());
    result(admin.listConfigResources().all());
    var user = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, "somebody", ClientQuotaEntity.CLIENT_ID, "c"));
    var anybody = new ClientQuotaEntity(Collections.singletonMap(ClientQuotaEntity.USER, null));
    result(admin.alterClientQuotas(List.of(
        new ClientQuotaAlteration(user, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1048576.0))),
        new ClientQuotaAlteration(anybody, List.of(new ClientQuotaAlteration.Op("request_percentage", 12.5))))).all());
    result(admin.describeClientQuotas(ClientQuotaFilter.all()).entities());
    result(admin.describeClientQuotas(ClientQuotaFilter.containsOnly(List.of(
        ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.USER, "somebody"),
        ClientQuotaFilterComponent.ofEntityType(ClientQuotaEntity.CLIENT_ID)))).entities());
    result(admin.alterClientQuotas(List.of(
        new ClientQuotaAlteration(user, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", null))))).all());
  }

  static void classicGroup() throws Exception {
    Object[] group = {"group.id", "classic", "group.protocol", "classic", "heartbeat.interval.ms", 200};
    try (var first = consumer(group); var second = consumer(
        "group.id", "classic", "group.protocol", "classic", "heartbeat.interval.ms", 200, "group.instance.id", "static")) {
      first.subscribe(List.of("every-api"));
      pollUntil(first, () -> !first.assignment().isEmpty());
      second.subscribe(List.of("every-api"));
      pollUntil(first, () -> {
        second.poll(Duration.ofMillis(50));
        return !second.assignment().isEmpty() && !first.assignment().isEmpty() && first.assignment().size() < 3;
      });
      for (var consumer : List.of(first, second)) {
        var own = consumer.assignment().iterator().next();
        consumer.commitSync(Map.of(own, new OffsetAndMetadata(4, Optional.of(0), "a note")));
        consumer.committed(Set.of(own));
      }
      result(admin.describeClassicGroups(List.of("classic"),
          new DescribeClassicGroupsOptions().includeAuthorizedOperations(true)).all());
      attempt(admin.describeClassicGroups(List.of("no-such-group")).all());
      result(admin.listGroups().all());
      result(admin.listGroups(new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE)).withTypes(Set.of(GroupType.CLASSIC))).all());
    }
    result(admin.removeMembersFromConsumerGroup("classic",
        new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("static")))).all());
    result(admin.listConsumerGroupOffsets("classic").partitionsToOffsetAndMetadata());
    result(admin.listConsumerGroupOffsets("no-such-group").partitionsToOffsetAndMetadata());
    attempt(admin.deleteConsumerGroupOffsets("classic", Set.of(partition)).all());
    attempt(admin.deleteConsumerGroups(List.of("classic", "no-such-group")).all());
  }

  static void consumerGroup() throws Exception {
    try (var byName = consumer("group.id", "new", "group.protocol", "consumer", "client.rack", "r");
        var byPattern = consumer("group.id", "patterns", "group.protocol", "consumer")) {
      byName.subscribe(List.of("every-api"));
      byPattern.subscribe(new SubscriptionPattern("every.*"));
      pollUntil(byName, () -> {
        byPattern.poll(Duration.ofMillis(50));
        return !byName.assignment().isEmpty() && !byPattern.assignment().isEmpty();
      });
      byName.commitSync();
      byName.committed(byName.assignment());
      result(admin.describeConsumerGroups(List.of("new", "patterns"),
          new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all());
    }
  }

  static void transactions() throws Exception {
    try (var producer = producer("transactional.id", "every-transaction")) {
      producer.initTransactions();
      for (boolean commit : new boolean[] {true, false}) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("every-api", 0, "key", "value")).get();
        producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(7, Optional.of(0), "sent")),
            new ConsumerGroupMetadata("transactional-group"));
        result(admin.listTransactions().all());
        result(admin.listTransactions(new ListTransactionsOptions().filterOnTransactionalIdPattern("every.*")
            .filterStates(Set.of(TransactionState.ONGOING)).filterOnDuration(0)).all());
        result(admin.describeTransactions(List.of("every-transaction")).all());
        result(admin.describeProducers(List.of(partition)).all());
        if (commit) producer.commitTransaction(); else producer.abortTransaction();
      }
      producer.beginTransaction();
      producer.send(new ProducerRecord<>("every-api", 0, "key", "hanging")).get();
      var state = result(admin.describeProducers(List.of(partition)).partitionResult(partition)).activeProducers().stream()
          .filter(own -> own.currentTransactionStartOffset().isPresent()).findFirst().orElseThrow();
      attempt(admin.abortTransaction(new AbortTransactionSpec(
          partition, state.producerId(), (short) state.producerEpoch(), state.coordinatorEpoch().orElse(0))).all());
      producer.abortTransaction();
    }
    result(admin.updateFeatures(Map.of("transaction.version",
        new FeatureUpdate((short) 2, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions()).all());
    attempt(admin.updateFeatures(Map.of("no.such.feature",
        new FeatureUpdate((short) 9, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions().validateOnly(true)).all());
    try (var producer = producer("transactional.id", "second-version")) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>("every-api", 0, "key", "value")).get();
      producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(8)), new ConsumerGroupMetadata("transactional-group"));
      producer.commitTransaction();
    }
  }

  static void security() throws Exception {
    var entry = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "every-", PatternType.PREFIXED),
        new AccessControlEntry("User:somebody", "*", AclOperation.READ, AclPermissionType.ALLOW));
    attempt(admin.createAcls(List.of(entry)).all());
    attempt(admin.describeAcls(AclBindingFilter.ANY).values());
    attempt(admin.deleteAcls(List.of(entry.toFilter())).all());
    var mechanism = ScramMechanism.SCRAM_SHA_256;
    attempt(admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("somebody",
        new ScramCredentialInfo(mechanism, 4096), "a password".getBytes(StandardCharsets.UTF_8), new byte[] {1, 2, 3}))).all());
    attempt(admin.describeUserScramCredentials().all());
    attempt(admin.describeUserScramCredentials(List.of("somebody", "nobody")).all());
    attempt(admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion("somebody", mechanism))).all());
  }

  static void telemetry() throws Exception {
    try (var producer = producer("enable.metrics.push", true)) {
      producer.send(new ProducerRecord<>("every-api", 0, "key", "value")).get();
      Thread.sleep(2_000);
    }
  }
}
