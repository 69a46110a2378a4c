// SPDX-License-Identifier: Apache-2.0
// The command line `dlws` of this build, as a person has it on a machine of their own.
import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {base} from './browser.js';
import {kubectl} from './cluster.js';

/** The portal's certificate, which Helm has made and nobody knows. */
async function certificate() {
    return Buffer.from(await kubectl(['-n', 'dlws-system', 'get', 'secret', 'dlworkspace-portal-certificate', '-o', 'jsonpath={.data.tls\\.crt}']), 'base64').toString();
}

/** Runs `inside` with a home folder where nobody has logged in yet. */
export async function withMachine(inside) {
    const home = mkdtempSync(join(tmpdir(), 'dlws-web-'));
    try {
        writeFileSync(join(home, 'portal.crt'), await certificate());
        await inside(new Machine(home));
    } finally {
        rmSync(home, {recursive: true, force: true});
    }
}

class Machine {
    constructor(home) {
        this.home = home;
        this.portal = ['--server', base, '--ca-file', join(home, 'portal.crt')];
        this.tokens = join(home, '.config/dlws/tokens.yaml');
    }

    write(name, text) {
        writeFileSync(join(this.home, name), text);
        return join(this.home, name);
    }
    /** What it holds of logins: the file's text and mode; both empty without one. */
    kept() {
        try {
            return {text: readFileSync(this.tokens, 'utf8'), mode: (statSync(this.tokens).mode & 0o777).toString(8)};
        } catch {
            return {text: '', mode: ''};
        }
    }
    /** Begins it; `done` is {code, out, err} when it has ended, `err()` what it has said so far. */
    start(args) {
        const child = spawn(process.env.DLWS_WEB_DLWS, args, {stdio: ['ignore', 'pipe', 'pipe'], cwd: this.home, timeout: 60_000,
            env: {PATH: process.env.PATH, HOME: this.home, KUBECONFIG: join(this.home, 'kubeconfig')}});
        let out = '';
        let err = '';
        child.stdout.on('data', piece => { out += piece; });
        child.stderr.on('data', piece => { err += piece; });
        const done = new Promise((ended, failed) => {
            child.on('error', failed);
            child.on('close', code => ended({code, out, err}));
        });
        return {done, err: () => err, end: () => child.kill()};
    }
    run(...args) { return this.start(args).done; }
    /** The same, which must work: what it prints. */
    async good(...args) {
        const {code, out, err} = await this.run(...args);
        if (code !== 0) throw new Error(`dlws ${args.join(' ')} ended with ${code}: ${out}${err}`);
        return out;
    }
    /** `dlws login`, up to where a browser is wanted: the address for it too. */
    async startLogin() {
        const login = this.start(['login', ...this.portal, '--no-browser', '--timeout', '50s']);
        const address = () => /^ {2}(https:\S+)$/m.exec(login.err())?.[1];
        let over = false;
        void login.done.then(() => { over = true; });
        while (address() === undefined && !over) await new Promise(wake => setTimeout(wake, 20));
        if (address() === undefined) throw new Error(`dlws login: ${JSON.stringify(await login.done)}`);
        return {...login, address: address()};
    }
}
