// SPDX-License-Identifier: Apache-2.0
// Whether nobody has seen this tab for a minute. Its streams are let go then: many tabs stay open for days.
import {signal} from '@preact/signals';

export const tabAway = signal(false);
const hiddenMs = 60_000;

/** Called once by main. */
export function watchVisibility(): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    document.addEventListener('visibilitychange', () => {
        clearTimeout(timer);
        if (document.visibilityState === 'hidden') timer = setTimeout(() => { tabAway.value = true; }, hiddenMs);
        else tabAway.value = false;
    });
}
