// Makes calls with AWS's SDK for JavaScript: one try each, one after the other.
//
//   node aws_sdk_calls.mjs <JSON   {endpoint, calls: [{service, operation, parameters}]}
//
// Writes a JSON list: for each call {output} or {code, message}. {"$time": seconds} and {"$bytes": text} in parameters
// become what the SDK wants.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.cwd()}/build/peers/node_modules/`);
const PACKAGES = { secretsmanager: "secrets-manager", logs: "cloudwatch-logs", events: "eventbridge",
  elbv2: "elastic-load-balancing-v2" };

function given(value) {
  if (Array.isArray(value)) return value.map(given);
  if (value === null || typeof value !== "object") return value;
  if ("$time" in value) return new Date(value.$time * 1000);
  if ("$bytes" in value) return Buffer.from(value.$bytes);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, given(item)]));
}

const { endpoint, calls } = JSON.parse(readFileSync(0, "utf8"));
const clients = {};

function clientOf(service) {
  const sdk = require(`@aws-sdk/client-${PACKAGES[service] ?? service}`);
  const name = Object.keys(sdk).find((key) => /^[A-Z].*Client$/.test(key));
  // MD5 of messages: what records answers nothing that could be checked.
  clients[service] ??= new sdk[name]({ endpoint, maxAttempts: 1, forcePathStyle: true, md5: false });
  return [clients[service], sdk];
}

async function make({ service, operation, parameters }) {
  const [client, sdk] = clientOf(service);
  try {
    const output = await client.send(new sdk[`${operation}Command`](given(parameters)));
    if (output.Body?.transformToString) output.Body = await output.Body.transformToString();
    return { output };
  } catch (error) {
    return { code: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
}

const results = [];
for (const call of calls) results.push(await make(call));
console.log(JSON.stringify(results));
