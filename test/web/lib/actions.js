// SPDX-License-Identifier: Apache-2.0
// What people do on more than one page.
import {base} from './browser.js';
import {namespace} from './cluster.js';

export const jobUrl = (name, tab = '', ns = namespace) => `${base}/jobs/${ns}/${name}${tab === '' ? '' : `/${tab}`}`;
export const bash = script => ['bash', '-c', script];
/** Prints `line 1`, `line 2`, … five times a second until it is stopped. */
export const counting = bash('trap "exit 143" TERM; i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.2 & wait $!; done');
export const manifest = (name, spec) => JSON.stringify({apiVersion: 'dlworkspace.io/v1', kind: 'DLJob', metadata: {name, namespace}, spec: {image: 'dlworkspace.io/tools:1', ...spec}}, null, 2);

/** Pastes YAML (or JSON, which is YAML) into the editor, in place of all that is there. */
export async function writeYaml(page, text) {
    await page.getByRole('group', {name: 'View'}).getByRole('button', {name: 'YAML'}).click();
    await page.evaluate(t => navigator.clipboard.writeText(t), text);
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+V');
}
/** As this person, by the editor. Ends on the job's page. */
export async function submitYaml(page, name, spec) {
    await page.goto(`${base}/submit?starter=empty`);
    await writeYaml(page, manifest(name, spec));
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.waitForURL(jobUrl(name));
}
export async function untilBadge(page, word, seconds = 60) {
    await page.locator('h1 .badge', {hasText: word}).waitFor({timeout: seconds * 1000});
}
/** The numbers of `line N` that the log viewer shows now. */
export async function shownLines(page) {
    return (await page.locator('.log-line .text').allTextContents()).map(t => /^line (\d+)/.exec(t)).filter(Boolean).map(m => Number(m[1]));
}
