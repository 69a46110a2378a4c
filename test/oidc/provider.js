// SPDX-License-Identifier: Apache-2.0
// The OpenID provider of the test cluster: npm oidc-provider with a few users and a login form.
//
//   node provider.js CONFIG.json
//
// CONFIG: {issuer, address, port, certificate, key, keys, delay, modules, users, clients}. `modules` is the folder
// that holds node_modules; `keys` the file of the signing keys, made when it is not there. Users:
// {NAME: {password, email, groups}}; clients as oidc-provider's, and `id_token_seconds`.
//
// While the file `delay` is there, answers of the token endpoint come so many milliseconds late as it says: what was
// asked has been done by then.
//
// Sessions and refresh tokens are in memory: after a restart everybody logs in again.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { Provider } = await import(pathToFileURL(join(config.modules, 'node_modules/oidc-provider/lib/index.js')));

function signingKeys() {
    if (!existsSync(config.keys)) {
        const made = [['rsa', { modulusLength: 2048 }, 'RS256'], ['ec', { namedCurve: 'P-256' }, 'ES256']];
        const keys = made.map(([type, options, alg]) => ({
            ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
            alg, use: 'sig', kid: randomBytes(8).toString('hex'),
        }));
        writeFileSync(config.keys, JSON.stringify({ keys }), { mode: 0o600 });
    }
    return JSON.parse(readFileSync(config.keys, 'utf8'));
}

const idTokenSeconds = new Map(config.clients.map((client) => [client.client_id, client.id_token_seconds]));
const clients = config.clients.map(({ id_token_seconds: _, ...client }) => client);

const provider = new Provider(config.issuer, {
    clients,
    jwks: signingKeys(),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
    scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
    // The API server sees nothing but the ID token.
    conformIdTokenClaims: false,
    findAccount: (_, name) => config.users[name] && {
        accountId: name,
        claims: () => ({
            sub: name, preferred_username: name, email: config.users[name].email, email_verified: true,
            groups: config.users[name].groups,
        }),
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true, logoutSource } },
    rotateRefreshToken: true,
    ttl: {
        AccessToken: 600, AuthorizationCode: 60, Grant: 86400, Interaction: 600, RefreshToken: 86400, Session: 86400,
        IdToken: (_, token, client) => idTokenSeconds.get(client.clientId),
    },
});

function page(title, body) {
    return `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<body><h1>${title}</h1>${body}</body></html>`;
}

function logoutSource(context, form) {
    context.body = page('Log out', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Log out</button>`);
}

function showLogin(answer, uid, wrong) {
    answer.writeHead(wrong ? 401 : 200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    answer.end(page('Log in', `${wrong ? '<p role="alert">Name or password is wrong.</p>' : ''}
<form method="post" action="/interaction/${encodeURIComponent(uid)}">
<label>Name <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Log in</button></form>`));
}

async function readForm(request) {
    let text = '';
    for await (const piece of request) {
        text += piece;
        if (text.length > 4096) throw new Error('the form is too long');
    }
    return new URLSearchParams(text);
}

// What the client asks for is granted: these are tests.
async function grant(details) {
    const { params, session, prompt, grantId } = details;
    const given = grantId ? await provider.Grant.find(grantId)
        : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    if (prompt.details.missingOIDCScope) given.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
    if (prompt.details.missingOIDCClaims) given.addOIDCClaims(prompt.details.missingOIDCClaims);
    return { consent: grantId ? {} : { grantId: await given.save() } };
}

async function interact(request, answer) {
    const details = await provider.interactionDetails(request, answer);
    if (details.prompt.name === 'consent')
        return provider.interactionFinished(request, answer, await grant(details), { mergeWithLastSubmission: true });
    if (request.method !== 'POST') return showLogin(answer, details.uid, false);
    const form = await readForm(request);
    const name = form.get('name');
    const known = Object.hasOwn(config.users, name) && config.users[name].password === form.get('password');
    if (!known) return showLogin(answer, details.uid, true);
    return provider.interactionFinished(request, answer, { login: { accountId: name } }, { mergeWithLastSubmission: false });
}

function answerLate(answer) {
    const milliseconds = existsSync(config.delay) ? Number(readFileSync(config.delay, 'utf8')) : 0;
    const end = answer.end.bind(answer);
    if (milliseconds > 0) answer.end = (...rest) => { setTimeout(() => end(...rest), milliseconds); return answer; };
}

const rest = provider.callback();
createServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) }, (request, answer) => {
    if (request.url === '/token') answerLate(answer);
    if (!request.url.startsWith('/interaction/')) return rest(request, answer);
    interact(request, answer).catch((error) => {
        answer.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' });
        answer.end(`${error.message}\n`);
    });
}).listen(config.port, config.address, () => console.log(`listening on ${config.address}:${config.port}`));
