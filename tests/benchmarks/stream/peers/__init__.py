"""The programs of the other libraries, each as its documentation would have a user write it.

They run in environments of their own, with this checkout on the path; Kafka Streams runs on a JVM
within such a process. All have the same advantages
that our worker has and that a user can give them: msgspec decodes into our structs, the compiled
kernel computes the indicators, and librdkafka's ``fetch.queue.backoff.ms``, which stalls a quick
consumer, is set to 5 where librdkafka is used. Their views are written without our guard, which
costs less, and they publish features only, where our worker publishes the bars too.
"""
