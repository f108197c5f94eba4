import java.util.HexFormat;
import java.util.Scanner;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/**
 * Prints what Kafka's own producer makes of keys: one line per argument, which is a key in hexadecimal with "x" before it.
 * The line holds the hash, then the partition for each number of partitions given as the first argument.
 */
public class MakeMurmur2Vectors {
    public static void main(String[] args) {
        int[] counts = new Scanner(args[0]).useDelimiter(",").tokens().mapToInt(Integer::parseInt).toArray();
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i < args.length; i++) {
            byte[] key = HexFormat.of().parseHex(args[i].substring(1));
            lines.append(Utils.murmur2(key));
            for (int count : counts) lines.append(' ').append(BuiltInPartitioner.partitionForKey(key, count));
            lines.append('\n');
        }
        System.out.print(lines);
    }
}
