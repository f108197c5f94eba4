import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.stats.*;

/**
 * What Kafka's statistics over windows say of sequences of values. Argument: a JSON array of {samples, windowMs, steps}, each step
 * [milliseconds, value] or [milliseconds], which reads. Prints, for each sequence, the readings as [average, maximum, rate, events a second].
 */
public class MakeWindowNumbers {
  public static void main(String[] args) throws Exception {
    var json = new ObjectMapper();
    var all = new ArrayList<>();
    for (JsonNode sequence : json.readTree(args[0])) {
      var config = new MetricConfig()
        .samples(sequence.get("samples").asInt())
        .timeWindow(sequence.get("windowMs").asLong(), TimeUnit.MILLISECONDS);
      var stats = new org.apache.kafka.common.metrics.MeasurableStat[] {
        new Avg(), new Max(), new Rate(), new Rate(new WindowedCount())
      };
      var readings = new ArrayList<>();
      for (JsonNode step : sequence.get("steps")) {
        long at = step.get(0).asLong();
        var reading = new ArrayList<>();
        for (var stat : stats) {
          if (step.size() == 2) stat.record(config, step.get(1).asDouble(), at);
          else {
            double value = stat.measure(config, at);
            reading.add(Double.isNaN(value) ? null : value);
          }
        }
        if (step.size() == 1) readings.add(reading);
      }
      all.add(readings);
    }
    System.out.println(json.writeValueAsString(all));
  }
}
