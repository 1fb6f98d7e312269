// Stands in front of a simulated AWS that looks at no signature: recomputes each request's with @smithy/signature-v4,
// the AWS SDK's own signer, refuses what is wrongly signed as AWS does, and forwards the rest.
//
//   node verifier.mjs PORT PEER_PORT     credentials: VERIFIER_KEYS, JSON: {access key id: {secret, token?}}
//
// A key id that it does not know is asked for by the peer's own answers: what AssumeRole hands out through the verifier
// is known from then on.
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import http from "node:http";

const require = createRequire(`${process.cwd()}/build/peers/node_modules/`);
const { SignatureV4 } = require("@smithy/signature-v4");
const { Sha256 } = require("@aws-crypto/sha256-js");

const [port, peerPort] = process.argv.slice(2).map(Number);
const keys = new Map(Object.entries(JSON.parse(process.env.VERIFIER_KEYS)));
const CLOCK_SKEW = 300; // seconds
// What AWS requires to be signed when it is sent: "Signing AWS API requests", canonical headers.
const mustBeSigned = (name) => name === "host" || name === "content-type" || name.startsWith("x-amz-");
// What only a presigned URL's query says.
const PRESIGNED = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
  "X-Amz-Signature", "X-Amz-Security-Token"];

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const refuse = (code, message) => { throw new Refusal(code, message); };

function queryOf(search) {
  const query = {};
  for (const [name, value] of new URLSearchParams(search.replaceAll("+", "%2B"))) {
    query[name] = name in query ? [query[name], value].flat() : value;
  }
  return query;
}

function dateOf(text) {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? "");
  if (!parts) refuse("IncompleteSignature", `Date must be in ISO-8601 'basic format'. Got '${text}'.`);
  const [, y, mo, d, h, mi, s] = parts.map(Number);
  return new Date(Date.UTC(y, mo - 1, d, h, mi, s));
}

// What a request says of its own signature, in its header or its query.
function claimOf(request, query) {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const parts = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(header);
    if (!parts) refuse("IncompleteSignature", `Authorization header cannot be read: ${header}`);
    return { credential: parts[1], signed: parts[2], signature: parts[3], date: request.headers["x-amz-date"],
      token: request.headers["x-amz-security-token"] };
  }
  if (query["X-Amz-Signature"]) {
    return { credential: query["X-Amz-Credential"], signed: query["X-Amz-SignedHeaders"],
      signature: query["X-Amz-Signature"], date: query["X-Amz-Date"], token: query["X-Amz-Security-Token"],
      expires: Number(query["X-Amz-Expires"]) };
  }
  refuse("MissingAuthenticationToken", "Request is missing Authentication Token");
}

async function verify(request, body) {
  const [path, search = ""] = request.url.split(/\?(.*)/s);
  const query = queryOf(search);
  const claim = claimOf(request, query);
  const [keyId, day, region, service, end] = claim.credential.split("/");
  const key = keys.get(keyId) ?? refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
  if (end !== "aws4_request" || !claim.date?.startsWith(day)) refuse("IncompleteSignature", `Credential: ${claim.credential}`);
  if ((key.token ?? undefined) !== claim.token) refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
  const signingDate = dateOf(claim.date);
  const age = (Date.now() - signingDate) / 1000;
  if (age < -CLOCK_SKEW || age > (claim.expires ?? CLOCK_SKEW)) refuse("RequestExpired", `Signed ${age} s ago`);

  const names = new Set(claim.signed.split(";"));
  const headers = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (names.has(name)) headers[name] = value;
    else if (mustBeSigned(name)) refuse("SignatureDoesNotMatch", `The header ${name} is not signed`);
  }
  for (const name of names) if (!(name in headers)) refuse("SignatureDoesNotMatch", `The header ${name} is signed and not sent`);
  const sum = request.headers["x-amz-content-sha256"];
  if (service === "s3" && !claim.expires && !sum) refuse("MissingSecurityHeader", "x-amz-content-sha256");
  if (sum && sum !== "UNSIGNED-PAYLOAD" && sum !== createHash("sha256").update(body).digest("hex")) {
    refuse("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  const signer = new SignatureV4({ service, region, sha256: Sha256, uriEscapePath: service !== "s3", applyChecksum: false,
    credentials: { accessKeyId: keyId, secretAccessKey: key.secret, sessionToken: claim.token } });
  const [hostname, hostPort] = request.headers.host.split(":");
  const sent = { method: request.method, protocol: "http:", hostname, port: Number(hostPort), path, query, headers, body };
  const ours = await recompute(signer, sent, { signingDate, names, expires: claim.expires });
  if (ours !== claim.signature) {
    refuse(service === "s3" || request.headers["x-amz-target"] === undefined ? "SignatureDoesNotMatch"
      : "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.");
  }
}

async function recompute(signer, sent, { signingDate, names, expires }) {
  if (expires === undefined) {
    delete sent.headers.authorization;
    const signed = await signer.sign(sent, { signingDate, signableHeaders: names });
    return /Signature=(\w+)$/.exec(signed.headers.authorization)[1];
  }
  for (const name of PRESIGNED) delete sent.query[name];
  if (signer.service === "s3") sent.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
  const signed = await signer.presign(sent, { signingDate, expiresIn: expires, signableHeaders: names,
    unhoistableHeaders: new Set(["x-amz-content-sha256"]), unsignableHeaders: new Set(["x-amz-content-sha256"]) });
  return signed.query["X-Amz-Signature"];
}

// What AWS says in the request's own protocol.
function answerRefusal(request, response, refusal) {
  const { code, message } = refusal;
  if (request.headers["x-amz-target"]) {
    response.writeHead(400, { "Content-Type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify({ __type: code, message }));
  } else {
    response.writeHead(403, { "Content-Type": "text/xml" });
    const error = `<Code>${code}</Code><Message>${message}</Message>`;
    response.end(request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")
      ? `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>verifier</RequestId></ErrorResponse>`
      : `<Error>${error}</Error>`);
  }
}

// Temporary credentials that the peer handed out.
function learn(text) {
  const found = (name) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1];
  if (found("AccessKeyId") && found("SecretAccessKey")) {
    keys.set(found("AccessKeyId"), { secret: found("SecretAccessKey"), token: found("SessionToken") });
  }
}

function forward(request, body, response) {
  const onward = http.request({ host: "127.0.0.1", port: peerPort, method: request.method, path: request.url,
    headers: request.headers }, async (answer) => {
    const parts = [];
    for await (const part of answer) parts.push(part);
    const content = Buffer.concat(parts);
    if (body.includes("Action=AssumeRole")) learn(content.toString());
    response.writeHead(answer.statusCode, { ...answer.headers, "x-verified": "yes" });
    response.end(content);
  });
  onward.on("error", (error) => {
    response.writeHead(502);
    response.end(`the peer behind the verifier: ${error.message}`);
  });
  onward.end(body);
}

http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  try {
    await verify(request, body);
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    return answerRefusal(request, response, error instanceof Refusal ? error : new Refusal("InternalFailure", String(error)));
  }
  forward(request, body, response);
}).listen(port, "127.0.0.1");
