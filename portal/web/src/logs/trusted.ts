// SPDX-License-Identifier: Apache-2.0
// Trusted Types: a worker's script is the one thing here that the policy wants to be vouched for. Only files of ours are.

interface Policy { createScriptURL: (url: string) => unknown }
interface Factory { createPolicy: (name: string, rules: {createScriptURL: (url: string) => string}) => Policy }

let policy: Policy | undefined;

function ours(url: string): string {
    const full = new URL(url, location.href);
    if (full.origin !== location.origin) throw new TypeError('a worker of another origin');
    return full.href;
}

export function trustedWorkerUrl(url: string): URL {
    const factory = (globalThis as {trustedTypes?: Factory}).trustedTypes;
    if (factory === undefined) return new URL(ours(url));
    policy ??= factory.createPolicy('dlws-worker', {createScriptURL: ours});
    return policy.createScriptURL(url) as URL;
}
