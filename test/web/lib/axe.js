// SPDX-License-Identifier: Apache-2.0
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';

const require = createRequire(`${process.env.DLWS_WEB_MODULES}/`);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical (WCAG) on the page, in words. */
export async function axeFinds(page) {
    await page.evaluate(axe);
    const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
    return violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
        .map(v => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.any[0]?.message ?? n.failureSummary}`).join('; ')}`);
}
