/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.js MOCK SPECS REQUESTS: sends recorded requests (a JSON object a line) to Stoplight Prism, installed in the
 * folder MOCK, which serves all OpenAPI documents of the folder SPECS and refuses what they do not describe. Then some
 * requests are broken on purpose, and must be refused. Exit status: 0, or 1 with each request and Prism's words.
 */
"use strict";
const fs = require("fs");
const http = require("http");
const net = require("net");
const os = require("os");
const path = require("path");
const { spawn } = require("child_process");

/* Where the documents are wrong or silent, and why the connector is right. All that Prism has against a request must
 * be this problem. */
const exceptions = [
    {
        method: "GET",
        path: /^\/account-info\/v3\/details$/,
        problem: /^Route not resolved, no path matched/,
        reason: "the documents do not cover account information, which the vendor describes elsewhere",
    },
    {
        method: "POST",
        path: /^\/crm\/v3\/objects\/[^/]+\/search$/,
        problem: /^body\.sorts\.\d+ .* must be string$/,
        reason: "the documents say that sorts are texts; the vendor's guide to its search has objects of propertyName "
            + "and direction, as its own code examples do",
    },
];

const START_MS = 60000;
const CREDENTIAL = "Bearer conformance";

/* ---- one document of all ---- */

/* Each document's components get its name before theirs. Of a path that is in several, the first counts. */
function readDocument(file) {
    const name = path.basename(file, ".json").replace(/[^A-Za-z0-9]/g, "_");
    const text = fs.readFileSync(file, "utf8");
    const document = JSON.parse(text.replace(/"#\/components\/([^/"]+)\//g, `"#/components/$1/${name}_`));
    for (const kind of Object.keys(document.components || {})) {
        if (kind === "securitySchemes") continue;
        document.components[kind] = Object.fromEntries(
            Object.entries(document.components[kind]).map(([key, value]) => [`${name}_${key}`, value]));
    }
    return document;
}

/* A `default` answer would stand for a refusal, without the reason. */
function dropDefaultAnswers(item) {
    for (const operation of Object.values(item)) {
        if (operation.responses && Object.keys(operation.responses).length > 1) delete operation.responses.default;
    }
}

/* "/crm/v3/objects/{objectType}" matches one segment for each part in braces. */
function routeMatcher(route) {
    const parts = route.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join("[^/]+")}$`);
}

/* What nothing refers to costs Prism minutes. */
function dropUnused(document) {
    const used = { ...document, components: { securitySchemes: document.components.securitySchemes } };
    const waiting = [JSON.stringify(document.paths)];
    while (waiting.length > 0) {
        for (const [, kind, name] of waiting.pop().matchAll(/"#\/components\/([^/"]+)\/([^"]+)"/g)) {
            const parts = (used.components[kind] ??= {});
            if (parts[name]) continue;
            parts[name] = document.components[kind][name];
            waiting.push(JSON.stringify(parts[name]));
        }
    }
    return used;
}

/* Of all documents, the paths that some request goes to. */
function joinDocuments(folder, requests, keepDefaultAnswers) {
    const asked = [...new Set(requests.map((r) => r.target.split("?")[0]))];
    const joined = { openapi: "3.0.3", info: { title: "all", version: "0" }, paths: {}, components: {} };
    const files = fs.readdirSync(folder).filter((f) => f.endsWith(".json") && !f.endsWith("-merged.json"));
    for (const file of files.sort()) {
        const document = readDocument(path.join(folder, file));
        for (const [written, item] of Object.entries(document.paths || {})) {
            const route = written.replace(/(.)\/$/, "$1"); /* some end with a slash, which the vendor's guides leave out */
            if (!asked.some((target) => routeMatcher(route).test(target))) continue;
            if (!keepDefaultAnswers) dropDefaultAnswers(item);
            joined.paths[route] ??= item;
        }
        for (const [kind, parts] of Object.entries(document.components || {}))
            joined.components[kind] = { ...parts, ...joined.components[kind] };
    }
    return dropUnused(joined);
}

/* ---- the mock ---- */

function freePort() {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.on("error", reject);
        server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

function send(port, request, authorization) {
    return new Promise((resolve, reject) => {
        const headers = { ...request.headers, "Content-Length": Buffer.byteLength(request.body) };
        if (authorization) headers.Authorization = authorization;
        delete headers["Accept-Encoding"];
        const options = { host: "127.0.0.1", port, method: request.method, path: request.target, headers };
        const call = http.request(options, (answer) => {
            let text = "";
            answer.setEncoding("utf8");
            answer.on("data", (piece) => (text += piece));
            answer.on("end", () => resolve({ status: answer.statusCode, text }));
            answer.on("error", reject);
        });
        call.on("error", reject);
        call.end(request.body);
    });
}

/* With `upstream` it stands before that server, and looks at its answers, too. */
async function startMock(folder, document, port, upstream) {
    const prism = path.join(folder, "node_modules", "@stoplight", "prism-cli", "dist", "index.js");
    const how = ["--errors", "-v", "error", "-p", port, document];
    const child = spawn(process.execPath, upstream ? [prism, "proxy", ...how, upstream] : [prism, "mock", ...how]);
    let output = "";
    let ended = false;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (output += piece));
    child.on("exit", () => (ended = true));
    const probe = { method: "GET", target: "/", headers: {}, body: "" };
    for (const from = Date.now(); Date.now() - from < START_MS && !ended; ) {
        try {
            await send(port, probe, CREDENTIAL);
            return child;
        } catch (error) {
            if (error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET") throw error;
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    }
    child.kill();
    throw new Error(`Prism did not start: ${output.slice(0, 2000)}`);
}

/* ---- requests ---- */

/* Those that differ in method, target, headers or body, in the order in which they came. */
function readRequests(file) {
    const lines = fs.readFileSync(file, "utf8").split("\n").filter((line) => line.length > 0);
    return [...new Set(lines)].map((line) => JSON.parse(line));
}

/* What Prism has against a request: each violation, or the one reason why it looked no further. */
function problemsOf(answer) {
    try {
        const problem = JSON.parse(answer.text);
        const violations = (problem.validation || []).map((v) => `${(v.location || []).join(".")} ${v.message}`);
        return violations.length > 0 ? violations : [`${problem.title}: ${problem.detail}`];
    } catch {
        return [answer.text.slice(0, 500)];
    }
}

function show(request) {
    return `${request.method} ${request.target.slice(0, 300)}${request.body ? `\n    ${request.body.slice(0, 600)}` : ""}`;
}

async function replay(port, requests) {
    let failed = 0;
    const accepted = [];
    const needed = new Set();
    for (const request of requests) {
        const answer = await send(port, request, CREDENTIAL);
        if (answer.status < 400) {
            accepted.push(request);
            continue;
        }
        const route = request.target.split("?")[0];
        const problems = problemsOf(answer);
        const exception = exceptions.find((e) => e.method === request.method && e.path.test(route) &&
            problems.every((problem) => e.problem.test(problem)));
        if (exception) {
            needed.add(exception);
            continue;
        }
        failed++;
        console.error(`REFUSED with ${answer.status}: ${show(request)}\n    ${problems.join("\n    ")}`);
    }
    for (const e of needed) console.log(`exception: ${e.method} ${e.path.source}: ${e.reason}`);
    for (const e of exceptions.filter((e) => !needed.has(e))) {
        failed++;
        console.error(`the exception for ${e.method} ${e.path.source} is not needed any more: remove it`);
    }
    return { failed, accepted };
}

/* ---- breaks: each made of the first accepted request that has what it breaks ---- */

function edit(request, change) {
    const body = JSON.parse(request.body);
    return change(body) ? { ...request, body: JSON.stringify(body) } : null;
}

const breaks = [
    {
        what: "an unknown path",
        of: (r) => r.target.startsWith("/crm/v3/") && { ...r, target: r.target.replace("/crm/v3/", "/crm/v33/") },
    },
    {
        what: "a method that the path does not have",
        of: (r) => r.target.endsWith("/search") && { ...r, method: "PUT" },
    },
    {
        what: "a wrong type in the query",
        of: (r) => /[?&]limit=\d+/.test(r.target) && { ...r, target: r.target.replace(/limit=\d+/, "limit=many") },
    },
    {
        what: "a wrong type in a body",
        of: (r) => r.body && edit(r, (b) => typeof b.limit === "number" && (b.limit = "many")),
    },
    {
        what: "a member that a body must have",
        of: (r) => r.body && edit(r, (b) => b.inputs && delete b.inputs),
    },
    {
        what: "a written value that is no text",
        of: (r) => /\/batch\/(create|update|upsert)$/.test(r.target) &&
            edit(r, (b) => b.inputs[0].properties && (b.inputs[0].properties.number = 7)),
    },
    {
        what: "an input without its record",
        of: (r) => r.target.endsWith("/batch/update") && edit(r, (b) => delete b.inputs[0].id),
    },
    {
        what: "an association without its other end",
        of: (r) => r.target.endsWith("/associate/default") && edit(r, (b) => delete b.inputs[0].to),
    },
    { what: "no credential", of: (r) => r.target.startsWith("/crm/v3/") && r, authorization: null },
];

async function tryBreaks(port, requests) {
    let failed = 0;
    for (const { what, of, authorization = CREDENTIAL } of breaks) {
        const broken = requests.map(of).find(Boolean);
        const answer = broken && (await send(port, broken, authorization));
        if (answer && answer.status >= 400 && answer.status < 500) continue;
        failed++;
        console.error(broken ? `NOT CAUGHT, ${what} (${answer.status}): ${show(broken)}`
                             : `no request was recorded that could be broken by ${what}`);
    }
    return failed;
}

/* ---- */

async function main() {
    const [folder, specs, file] = process.argv.slice(2);
    const requests = readRequests(file);
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"));
    const document = path.join(scratch, "all.json");
    let mock = null;
    try {
        fs.writeFileSync(document, JSON.stringify(joinDocuments(specs, requests)));
        const port = await freePort();
        mock = await startMock(folder, document, port);
        const { failed: refused, accepted } = await replay(port, requests);
        const missed = await tryBreaks(port, accepted);
        console.log(`${requests.length} distinct requests, ${refused} refused; ` +
                    `${breaks.length} broken on purpose, ${missed} not caught`);
        process.exitCode = refused + missed > 0 ? 1 : 0;
    } finally {
        if (mock) mock.kill();
        fs.rmSync(scratch, { recursive: true });
    }
}

module.exports = { joinDocuments, freePort, send, startMock, problemsOf };

if (require.main === module)
    main().catch((error) => {
        console.error(`replay: ${error.message}`);
        process.exitCode = 1;
    });
