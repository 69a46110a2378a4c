// SPDX-License-Identifier: Apache-2.0
// What stands before the portal's pods, as a load balancer does: passes connections to those that are ready, in turn, without a look at
// what is in them. TLS is between browser and portal.
import {connect, createServer} from 'node:net';
import {request} from 'node:https';
import {portalAddresses, served} from './cluster.js';

const freshMs = 500;
let known = {at: 0, addresses: []};
let turn = 0;

async function addresses() {
    if (Date.now() - known.at > freshMs) known = {at: Date.now(), addresses: await portalAddresses().catch(() => known.addresses)};
    return known.addresses;
}

async function pass(browser) {
    browser.on('error', () => undefined);
    const ready = await addresses();
    if (ready.length === 0) { browser.destroy(); return; }
    const portal = connect(8443, ready[turn++ % ready.length]);
    portal.on('error', () => browser.destroy());
    portal.on('close', () => browser.destroy());
    browser.on('close', () => portal.destroy());
    browser.pipe(portal).pipe(browser);
}

/** Serves on the portal's address, and learns what the portal can do. */
export async function openEntrance() {
    const server = createServer(browser => void pass(browser));
    await new Promise((ready, failed) => server.on('error', failed).listen(8443, process.env.DLWS_WEB_ADDRESS, ready));
    const {body} = await ask('/api/v1/openapi.json');
    for (const path of Object.values(JSON.parse(body).paths))
        for (const operation of Object.values(path)) if (operation?.operationId) served.add(operation.operationId);
    return server;
}

/** A plain request, by no browser. */
export function ask(path, {method = 'GET', headers = {}, body = ''} = {}) {
    return new Promise((done, failed) => {
        request(`${process.env.DLWS_WEB_URL}${path}`, {method, headers, rejectUnauthorized: false}, answer => {
            let text = '';
            answer.on('data', piece => { text += piece; });
            answer.on('end', () => done({status: answer.statusCode, headers: answer.headers, body: text}));
        }).on('error', failed).end(body);
    });
}
