// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY: looks at pages of the running mock (`npm run build && npm run preview`) with Debian's Chromium, in
// both themes and two widths: screenshots, what axe finds, and whatever the page complains of (its policy too).
//
//   npm install --no-save playwright-core axe-core     (or LOOK_MODULES=FOLDER that has them)
//   node dev/look.mjs OUT [PATH…]
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const require = createRequire(`${process.env.LOOK_MODULES ?? process.cwd()}/`);
const {chromium} = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [out = '/tmp', ...paths] = process.argv.slice(2);
const base = process.env.LOOK_URL ?? 'http://127.0.0.1:4173';
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox']});
let wrong = 0;
for (const theme of (process.env.LOOK_THEMES ?? 'light,dark').split(',')) {
    for (const width of (process.env.LOOK_WIDTHS ?? '1280,390').split(',').map(Number)) {
        // bypassCSP is only for axe, which is put into the page; LOOK_STRICT=1 leaves the policy on and axe out.
        const strict = process.env.LOOK_STRICT === '1';
        const context = await browser.newContext({viewport: {width, height: width < 500 ? 844 : 860}, colorScheme: theme, bypassCSP: !strict});
        for (const path of paths.length > 0 ? paths : ['/jobs']) {
            const page = await context.newPage();
            page.on('console', m => { if (m.type() === 'error' || m.type() === 'warning') { wrong += 1; console.log(`${path}: ${m.text()}`); } });
            page.on('pageerror', e => { wrong += 1; console.log(`${path}: ${e.message}`); });
            page.on('dialog', d => { wrong += 1; console.log(`${path}: a dialog: ${d.message()}`); void d.dismiss(); });
            await page.goto(base + path);
            await page.waitForTimeout(Number(process.env.LOOK_WAIT ?? 900));
            for (const step of (process.env.LOOK_CLICK ?? '').split('|').filter(Boolean)) { await page.locator(step).first().click(); await page.waitForTimeout(500); }
            const name = `${path.replace(/[^a-z0-9]+/gi, '_')}-${theme}-${width}`;
            await page.screenshot({path: `${out}/${name}.png`});
            if (!strict) {
                await page.evaluate(axe);
                const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
                for (const v of violations.filter(v => v.impact === 'serious' || v.impact === 'critical')) {
                    wrong += 1;
                    console.log(`${name}: ${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.any[0]?.message ?? ''}`).join('; ')}`);
                }
            }
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            if (wide > 0) { wrong += 1; console.log(`${name}: ${wide} px wider than the window`); }
            await page.close();
        }
        await context.close();
    }
}
await browser.close();
console.log(wrong === 0 ? 'nothing found' : `${wrong} found`);
process.exitCode = wrong === 0 ? 0 : 1;
