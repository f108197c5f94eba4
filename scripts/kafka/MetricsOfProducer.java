import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.metrics.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Runs a load with Kafka's own producer, and prints its metrics at the moments that the load names. Argument: JSON with `properties`
 * of the producer and `steps`, which test/kafka/metrics-load.ts describes and runs with ottla. Prints JSON: `taken`, the metrics by
 * the name of the moment; `reported`, the names that a MetricsReporter was told; `failures`, how many records failed.
 */
public class MetricsOfProducer {
  public static class Names implements MetricsReporter {
    static final Set<String> told = new ConcurrentSkipListSet<>();

    public void configure(Map<String, ?> configs) {}

    public void init(List<KafkaMetric> metrics) {
      metrics.forEach(this::metricChange);
    }

    public void metricChange(KafkaMetric metric) {
      told.add(metric.metricName().group() + " " + metric.metricName().name());
    }

    public void metricRemoval(KafkaMetric metric) {}

    public void close() {}
  }

  static final AtomicLong failures = new AtomicLong();
  static KafkaProducer<byte[], byte[]> producer;

  public static void main(String[] args) throws Exception {
    var json = new ObjectMapper();
    JsonNode load = json.readTree(args[0]);
    Map<String, Object> properties = new HashMap<>();
    load.get("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
    properties.put("metric.reporters", List.of(Names.class));
    producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    var taken = new LinkedHashMap<String, Object>();
    for (JsonNode step : load.get("steps")) {
      switch (step.get("do").asText()) {
        case "send" -> send(step);
        case "flush" -> producer.flush();
        case "wait" -> Thread.sleep(step.get("ms").asLong());
        case "init" -> producer.initTransactions();
        case "begin" -> producer.beginTransaction();
        case "offsets" -> producer.sendOffsetsToTransaction(
          Map.of(new TopicPartition(step.get("topic").asText(), 0), new OffsetAndMetadata(1)),
          new ConsumerGroupMetadata(step.get("group").asText()));
        case "commit" -> producer.commitTransaction();
        case "abort" -> producer.abortTransaction();
        case "metrics" -> taken.put(step.get("as").asText(), metrics());
        default -> throw new IllegalArgumentException(step.toString());
      }
    }
    producer.close();
    System.out.println(json.writeValueAsString(
      Map.of("taken", taken, "reported", Names.told, "failures", failures.get())));
    System.exit(0);
  }

  /** Paced: the next record goes when it is due, however long the one before has taken. */
  static void send(JsonNode step) throws Exception {
    var topics = new ArrayList<String>();
    step.get("topics").forEach(topic -> topics.add(topic.asText()));
    int partitions = step.get("partitions").asInt();
    int perSecond = step.get("perSecond").asInt();
    long beganAt = System.nanoTime();
    for (int index = 0; index < step.get("records").asInt(); index++) {
      long dueAt = perSecond == 0 ? beganAt : beganAt + index * 1_000_000_000L / perSecond;
      long waitMs = (dueAt - System.nanoTime()) / 1_000_000;
      if (waitMs > 0) Thread.sleep(waitMs);
      var topic = topics.get(index % topics.size());
      var value = value(index, step.get("bytes").asInt());
      producer.send(
        new ProducerRecord<>(topic, index / topics.size() % partitions, null, value),
        (metadata, error) -> {
          if (error != null) failures.incrementAndGet();
        });
    }
  }

  static byte[] value(int index, int bytes) {
    var text = ("this is record " + index + " of the load; ").repeat(bytes / 20 + 1);
    return text.substring(0, bytes).getBytes(StandardCharsets.US_ASCII);
  }

  static List<Object> metrics() {
    var all = new ArrayList<>();
    producer.metrics().forEach((name, metric) -> {
      var row = new LinkedHashMap<String, Object>();
      row.put("group", name.group());
      row.put("name", name.name());
      row.put("tags", name.tags());
      row.put("value", metric.metricValue());
      all.add(row);
    });
    return all;
  }
}
