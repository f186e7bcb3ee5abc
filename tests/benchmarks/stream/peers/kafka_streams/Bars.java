import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: the open bars in an in-memory store with its changelog, exactly once.
 *
 * <p>One processor on the ticks, by the Processor API, which has less to do per tick than the windows
 * of its DSL. The store is cached, as the documentation advises, so that its changelog gets an
 * instrument's newest bar once a commit and not once a tick; a value is 48 bytes. Ticks are read by
 * Jackson's streaming parser with its fast parser of numbers. What a closed bar leads to is asked of
 * Python, as every peer's: see {@code __main__.py}, which starts this.
 */
public final class Bars {
    private static final String STORE = "bars";
    private static final long MINUTE_MS = 60_000;
    private static final int MEBIBYTE = 1024 * 1024;
    private static final JsonFactory JSON =
            new JsonFactoryBuilder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();

    /** What is read of a tick. */
    private static final class Tick {
        long eventTimeMs;
        double price;
        double size;

        /** Read a record of the topic; false for what is no tick. */
        boolean read(byte[] value) throws IOException {
            try (JsonParser parser = JSON.createParser(value)) {
                parser.nextToken();
                for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                    JsonToken token = parser.nextToken();
                    switch (name) {
                        case "type" -> {
                            if (!"TickObserved".equals(parser.getText())) {
                                return false;
                            }
                        }
                        case "event_time_ms" -> eventTimeMs = parser.getLongValue();
                        case "price" -> price = parser.getDoubleValue();
                        case "size" -> size = parser.getDoubleValue();
                        default -> {
                            if (token.isStructStart()) {
                                parser.skipChildren();
                            }
                        }
                    }
                }
                return true;
            }
        }
    }

    /** What a closed bar leads to; implemented in Python, whose compiled kernel computes the indicators. */
    public interface Closed {
        byte[] features(
                String instrument, long startMs, double open, double high, double low, double close, double volume);
    }

    /** Keeps the minute of each instrument, and sends its features when a tick of the next one comes. */
    private static final class Minutes implements Processor<byte[], byte[], byte[], byte[]> {
        private final Closed closed;
        private final Tick tick = new Tick();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<Bytes, byte[]> open;

        Minutes(Closed closed) {
            this.closed = closed;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.open = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                if (tick.read(record.value())) {
                    add(record);
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        private void add(Record<byte[], byte[]> record) throws IOException {
            long startMs = tick.eventTimeMs - tick.eventTimeMs % MINUTE_MS;
            Bytes key = Bytes.wrap(record.key());
            byte[] held = open.get(key);
            ByteBuffer minute = ByteBuffer.allocate(48);
            if (held != null) {
                ByteBuffer before = ByteBuffer.wrap(held);
                if (before.getLong(0) == startMs) {
                    minute.putLong(startMs)
                            .putDouble(before.getDouble(8))
                            .putDouble(Math.max(before.getDouble(16), tick.price))
                            .putDouble(Math.min(before.getDouble(24), tick.price))
                            .putDouble(tick.price)
                            .putDouble(before.getDouble(40) + tick.size);
                    open.put(key, minute.array());
                    return;
                }
                context.forward(record.withValue(features(record.key(), before)));
            }
            minute.putLong(startMs);
            for (int i = 0; i < 4; i++) {
                minute.putDouble(tick.price);
            }
            open.put(key, minute.putDouble(tick.size).array());
        }

        private byte[] features(byte[] instrument, ByteBuffer bar) {
            return closed.features(
                    new String(instrument, StandardCharsets.UTF_8),
                    bar.getLong(0),
                    bar.getDouble(8),
                    bar.getDouble(16),
                    bar.getDouble(24),
                    bar.getDouble(32),
                    bar.getDouble(40));
        }
    }

    private static Topology topology(Map<String, String> environment, Closed closed) {
        Topology topology = new Topology();
        topology.addSource(
                "ticks", new ByteArrayDeserializer(), new ByteArrayDeserializer(), environment.get("BENCH_INPUT"));
        topology.addProcessor("minutes", () -> new Minutes(closed), "ticks");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.inMemoryKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                        .withLoggingEnabled(Map.of())
                        .withCachingEnabled(),
                "minutes");
        topology.addSink(
                "features",
                environment.get("BENCH_OUTPUT"),
                new ByteArraySerializer(),
                new ByteArraySerializer(),
                "minutes");
        return topology;
    }

    /**
     * As its documentation advises for throughput with exactly_once_v2: larger reads, batches and buffers,
     * and a commit once a second (the default with this guarantee is 100 ms, ours is a few a second).
     */
    private static Properties settings(Map<String, String> environment) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-kafka-streams");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, environment.get("BENCH_BROKER"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, environment.get("BENCH_DIRECTORY"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, environment.get("BENCH_THREADS"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 * MEBIBYTE);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 * MEBIBYTE);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), MEBIBYTE / 2);
        return settings;
    }

    /** Run until the process is told to end. */
    public static void run(Closed closed, Map<String, String> environment) throws InterruptedException {
        KafkaStreams streams = new KafkaStreams(topology(environment, closed), settings(environment));
        CountDownLatch stopped = new CountDownLatch(1);
        CloseOptions leaving = CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();
        stopped.await();
    }
}
