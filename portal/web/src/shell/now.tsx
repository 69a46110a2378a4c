// SPDX-License-Identifier: Apache-2.0
// The clock of the page: ages count by themselves, by the server's time.
import {signal} from '@preact/signals';
import {clockSkew} from '../api/updates';
import {age, ageInWords, stamp} from './time';

export const now = signal(Date.now());

/** Called once by main. A tab that nobody sees does not tick. */
export function startClock(): void {
    setInterval(() => { if (document.visibilityState === 'visible') now.value = Date.now() + clockSkew.peek(); }, 1000);
}

export function Age({at}: {at: string | undefined}) {
    if (at === undefined) return <span class="muted">–</span>;
    const ms = now.value - Date.parse(at);
    return <time dateTime={at} title={`${stamp(at)} (${ageInWords(ms)} ago)`}>{age(ms)}</time>;
}

export function Stamp({at}: {at: string}) {
    return <time dateTime={at} title={`${stamp(at, true)} UTC`}>{stamp(at)}</time>;
}
