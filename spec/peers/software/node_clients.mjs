// GitHub's and Slack's own clients for JavaScript, to be asked over HTTP.
//
//   node node_clients.mjs PORT GITHUB_URL SLACK_URL
//
// POST {client: "github", token, operation: "GET /repos/{owner}/{repo}", parameters} or {client: "slack", token,
// operation: "chat.postMessage", parameters} answers {output, status?} or {code, message}; one try each.
import { createRequire } from "node:module";
import http from "node:http";
import { pathToFileURL } from "node:url";

const modules = `${process.cwd()}/build/peers/node_modules`;
const require = createRequire(`${modules}/`);
const { Octokit } = await import(pathToFileURL(`${modules}/@octokit/rest/dist-src/index.js`));
const { WebClient } = require("@slack/web-api");

const [port, githubUrl, slackUrl] = process.argv.slice(2);
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, setName() {}, getLevel() { return "error"; } };

async function askGitHub({ token, operation, parameters }) {
  const octokit = new Octokit({ auth: token, baseUrl: githubUrl, log: quiet });
  try {
    const { status, data } = await octokit.request(operation, parameters);
    return { status, output: typeof data === "string" || !ArrayBuffer.isView(data) ? data : Buffer.from(data).toString() };
  } catch (error) {
    return { code: String(error.status ?? error.name), message: error.message };
  }
}

async function askSlack({ token, operation, parameters }) {
  const slack = new WebClient(token, { slackApiUrl: `${slackUrl}/`, retryConfig: { retries: 0 }, logger: quiet,
    rejectRateLimitedCalls: true });
  try {
    const method = operation.split(".").reduce((holder, name) => (typeof holder[name] === "function"
      ? holder[name].bind(holder) : holder[name]), slack);
    return { output: await method(parameters) };
  } catch (error) {
    return { code: error.data?.error ?? error.code ?? error.name, message: error.message };
  }
}

http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const call = JSON.parse(Buffer.concat(parts));
  const answer = await (call.client === "slack" ? askSlack : askGitHub)(call);
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(answer));
}).listen(Number(port), "127.0.0.1");
