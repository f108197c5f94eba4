import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.*;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.telemetry.*;
import org.apache.kafka.shaded.io.opentelemetry.proto.common.v1.KeyValue;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.*;

/**
 * Makes a broker take the metrics that clients push (KIP-714): each push becomes a line of JSON in the file that the broker's property
 * `ottla.telemetry.file` names, as Kafka's own reader of OTLP understands it.
 */
public class TelemetryReceiver implements MetricsReporter, ClientTelemetry, ClientTelemetryReceiver {
  private final ObjectMapper json = new ObjectMapper();
  private Path file;

  @Override
  public void configure(Map<String, ?> configs) {
    file = Path.of(String.valueOf(configs.get("ottla.telemetry.file")));
  }

  @Override
  public ClientTelemetryReceiver clientReceiver() {
    return this;
  }

  @Override
  public synchronized void exportMetrics(AuthorizableRequestContext context, ClientTelemetryPayload payload) {
    try {
      var points = new ArrayList<Map<String, Object>>();
      for (var ofResource : MetricsData.parseFrom(payload.data()).getResourceMetricsList())
        for (var ofScope : ofResource.getScopeMetricsList())
          for (var metric : ofScope.getMetricsList())
            add(points, metric, tags(ofResource.getResource().getAttributesList()));
      var push = new LinkedHashMap<String, Object>();
      push.put("clientId", context.clientId());
      push.put("clientInstanceId", payload.clientInstanceId().toString());
      push.put("isTerminating", payload.isTerminating());
      push.put("contentType", payload.contentType());
      push.put("points", points);
      Files.writeString(file, json.writeValueAsString(push) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static void add(List<Map<String, Object>> points, Metric metric, Map<String, String> resource) {
    for (var point : metric.getGauge().getDataPointsList())
      points.add(number(metric, resource, point, "gauge", null));
    for (var point : metric.getSum().getDataPointsList())
      points.add(number(metric, resource, point, metric.getSum().getIsMonotonic() ? "counter" : "sum",
          metric.getSum().getAggregationTemporality()));
    for (var point : metric.getHistogram().getDataPointsList()) {
      var told = described(metric, resource, "histogram", metric.getHistogram().getAggregationTemporality(),
          point.getAttributesList(), point.getStartTimeUnixNano(), point.getTimeUnixNano());
      told.put("value", Map.of("count", point.getCount(), "sum", point.getSum(), "counts", point.getBucketCountsList(),
          "bounds", point.getExplicitBoundsList()));
      points.add(told);
    }
  }

  private static Map<String, Object> number(Metric metric, Map<String, String> resource, NumberDataPoint point,
      String type, AggregationTemporality temporality) {
    var told = described(metric, resource, type, temporality, point.getAttributesList(), point.getStartTimeUnixNano(),
        point.getTimeUnixNano());
    told.put("value", point.hasAsInt() ? (Object) point.getAsInt() : (Object) point.getAsDouble());
    return told;
  }

  private static Map<String, Object> described(Metric metric, Map<String, String> resource, String type,
      AggregationTemporality temporality, List<KeyValue> attributes, long start, long time) {
    var told = new LinkedHashMap<String, Object>();
    told.put("name", metric.getName());
    told.put("unit", metric.getUnit());
    told.put("type", type);
    told.put("temporality", temporality == null ? null : temporality.name().replace("AGGREGATION_TEMPORALITY_", ""));
    told.put("attributes", tags(attributes));
    told.put("resource", resource);
    told.put("startMs", start / 1_000_000);
    told.put("timeMs", time / 1_000_000);
    return told;
  }

  private static Map<String, String> tags(List<KeyValue> attributes) {
    var tags = new TreeMap<String, String>();
    for (var attribute : attributes) tags.put(attribute.getKey(), attribute.getValue().getStringValue());
    return tags;
  }

  @Override
  public void init(List<KafkaMetric> metrics) {}

  @Override
  public void metricChange(KafkaMetric metric) {}

  @Override
  public void metricRemoval(KafkaMetric metric) {}

  @Override
  public void close() {}
}
