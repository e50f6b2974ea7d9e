// Exports one span by each of OpenTelemetry's exporters over HTTP. Prints what it logs, by exporter.
const { diag, DiagLogLevel } = require("@opentelemetry/api");
const { BasicTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const EXPORTERS = {
  protobuf: require("@opentelemetry/exporter-trace-otlp-proto").OTLPTraceExporter,
  json: require("@opentelemetry/exporter-trace-otlp-http").OTLPTraceExporter,
};

async function main() {
  const seen = {};
  for (const [name, Exporter] of Object.entries(EXPORTERS)) {
    const logged = [];
    const log = (...words) => logged.push(words.map(String).join(" "));
    diag.setLogger({ error: log, warn: log, info: log, debug() {}, verbose() {} }, {
      logLevel: DiagLogLevel.INFO,
      suppressOverrideMessage: true,
    });
    const exporter = new Exporter({
      url: `${process.env.SLUICE_URL}/v1/traces`,
      headers: { "X-Api-Key": process.env.SLUICE_KEY },
    });
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const span = provider.getTracer("tests").startSpan(name);
    span.end();
    await provider.shutdown();
    seen[name] = { trace_id: span.spanContext().traceId, logged };
  }
  console.log(JSON.stringify(seen));
}

main();
