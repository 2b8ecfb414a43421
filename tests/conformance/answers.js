/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.js MOCK SPECS URL: writes to the sandbox at URL through Stoplight Prism, which looks at each request and answer
 * with the OpenAPI documents of the folder SPECS. Exit status: 0, or 1 with each that is not as described, or is not the
 * status that was meant.
 */
"use strict";
const fs = require("fs");
const os = require("os");
const path = require("path");
const { joinDocuments, freePort, send, startMock, problemsOf } = require("./replay.js");

const CREDENTIAL = "Bearer sandbox-token";

/* Where the sandbox answers as the vendor does, not as its documents say. All that Prism has against an answer must be
 * these problems. */
const exceptions = [
    {
        problem: /^response\.body\.errors\.\d+ .* must have required property '(errors|links)'$/,
        reason: "errors of a 207 lack `errors` and `links` in the vendor's answers",
    },
    {
        problem: /^response\.body\.(results\.\d+\.)?(from|to)ObjectId .* must be string$/,
        reason: "ids of associated records are numbers in the vendor's answers",
    },
    {
        problem: /^response\.body\.results\.\d+\.label .* must be string$/,
        reason: "the label of an association without one is null in the vendor's answers",
    },
];

const CONTACTS = "/crm/v3/objects/contacts";
const LINKS = "/crm/v4/associations/contacts/companies/batch";
const type = { associationCategory: "HUBSPOT_DEFINED", associationTypeId: 279 };
const pair = { from: { id: "{contact}" }, to: { id: "{company}" } };
const key = (id, properties, more) => ({ id, idProperty: "conformance_key", properties, ...more });

/* [status, method, target, body, the name under which the id of the answer is kept]. */
const steps = [
    [201, "POST", CONTACTS, { properties: { email: "conformance@acme.example" }, associations: [] }, "contact"],
    [201, "POST", "/crm/v3/objects/companies", { properties: { name: "Acme" }, associations: [] }, "company"],
    [409, "POST", CONTACTS, { properties: { email: "conformance@acme.example" }, associations: [] }],
    [400, "POST", CONTACTS, { properties: { email: "none", nothing: "1" }, associations: [] }],
    [400, "POST", CONTACTS, { properties: { phone: "1" }, associations: [] }],
    [200, "PATCH", `${CONTACTS}/{contact}`, { properties: { firstname: "Ann" } }],
    [404, "PATCH", `${CONTACTS}/12`, { properties: { firstname: "Ann" } }],
    [200, "GET", `${CONTACTS}/{contact}?propertiesWithHistory=firstname`],
    [201, "POST", "/crm/v3/properties/contacts/groups", { name: "conformance", label: "Conformance" }],
    [200, "GET", "/crm/v3/properties/contacts/groups"],
    [201, "POST", "/crm/v3/properties/contacts", { name: "conformance_key", label: "Key", type: "string",
        fieldType: "text", groupName: "conformance", hasUniqueValue: true }],
    [409, "POST", "/crm/v3/properties/contacts", { name: "conformance_key", label: "Key", type: "string",
        fieldType: "text", groupName: "conformance" }],
    [201, "POST", `${CONTACTS}/batch/create`, { inputs: [{ properties: { firstname: "Bo" }, associations: [] }] }],
    [200, "POST", `${CONTACTS}/batch/upsert`, { inputs: [key("1", { firstname: "Cy" }), key("2", { firstname: "Di" })] }],
    [207, "POST", `${CONTACTS}/batch/upsert`, { inputs: [key("1", { firstname: "Ed" }, { objectWriteTraceId: "a" }),
        key("3", { nothing: "1" }, { objectWriteTraceId: "b" })] }],
    [200, "POST", `${CONTACTS}/batch/update`, { inputs: [{ id: "{contact}", properties: { lastname: "Fox" } }] }],
    [207, "POST", `${CONTACTS}/batch/update`, { inputs: [{ id: "12", properties: { lastname: "Fox" } }] }],
    [200, "POST", `${CONTACTS}/batch/read`, { inputs: [{ id: "1" }], idProperty: "conformance_key",
        properties: ["firstname"], propertiesWithHistory: ["firstname"] }],
    [200, "POST", `${LINKS}/associate/default`, { inputs: [pair] }],
    [201, "POST", `${LINKS}/create`, { inputs: [{ ...pair, types: [type] }] }],
    [207, "POST", `${LINKS}/create`, { inputs: [{ ...pair, to: { id: "12" }, types: [type] }] }],
    [200, "PUT", "/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}"],
    [201, "PUT", "/crm/v4/objects/contacts/{contact}/associations/companies/{company}", [type]],
    [200, "GET", "/crm/v4/associations/contacts/companies/labels"],
    [204, "DELETE", "/crm/v4/objects/contacts/{contact}/associations/companies/{company}"],
    [204, "POST", `${LINKS}/archive`, { inputs: [{ from: pair.from, to: [pair.to] }] }],
    [204, "DELETE", `${CONTACTS}/{contact}`],
    [204, "POST", `${CONTACTS}/batch/archive`, { inputs: [{ id: "{contact}" }] }],
    [204, "DELETE", "/crm/v3/properties/contacts/conformance_key"],
];

function filled(text, ids) {
    return text.replace(/\{(contact|company)\}/g, (_, name) => ids[name]);
}

/* What Prism has against an answer but for exceptions; null when it let it pass. */
function violations(answer, needed) {
    if (answer.status !== 500 || !answer.text.includes("stoplight.io/prism/errors")) return null;
    return problemsOf(answer).filter((problem) => {
        const exception = exceptions.find((e) => e.problem.test(problem));
        if (exception) needed.add(exception);
        return !exception;
    });
}

async function write(port) {
    const ids = {};
    const needed = new Set();
    let failed = 0;
    for (const [status, method, target, body, keep] of steps) {
        const request = { method, target: filled(target, ids), headers: { "Content-Type": "application/json" },
            body: body ? filled(JSON.stringify(body), ids) : "" };
        const answer = await send(port, request, CREDENTIAL);
        const problems = violations(answer, needed);
        if (keep) ids[keep] = JSON.parse(answer.text).id;
        if (problems ? problems.length === 0 : answer.status === status) continue;
        failed++;
        console.error(`${method} ${request.target}, ${status} was meant: ${answer.status}\n    ` +
                      (problems || [answer.text.slice(0, 500)]).join("\n    "));
    }
    for (const e of exceptions) {
        if (needed.has(e)) console.log(`exception: ${e.reason}`);
        else console.error(`an exception is not needed any more: ${e.reason}`);
        failed += !needed.has(e);
    }
    return failed;
}

async function main() {
    const [folder, specs, upstream] = process.argv.slice(2);
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"));
    const document = path.join(scratch, "all.json");
    let mock = null;
    try {
        const asked = steps.map(([, , target]) => ({ target: filled(target, { contact: "1", company: "1" }) }));
        fs.writeFileSync(document, JSON.stringify(joinDocuments(specs, asked, true)));
        const port = await freePort();
        mock = await startMock(folder, document, port, upstream);
        const failed = await write(port);
        console.log(`${steps.length} writes, ${failed} not as described`);
        process.exitCode = failed > 0 ? 1 : 0;
    } finally {
        if (mock) mock.kill();
        fs.rmSync(scratch, { recursive: true });
    }
}

main().catch((error) => {
    console.error(`answers: ${error.message}`);
    process.exitCode = 1;
});
