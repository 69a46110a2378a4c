// SPDX-License-Identifier: Apache-2.0
// What somebody might write to run a program in somebody else's browser.

/** Each calls window.hit if any of it becomes markup, an attribute, a link or a program. */
export const payloads = [
    '<script>window.hit=1</script>',
    '<img src=x onerror=window.hit=1>',
    '"><svg/onload=window.hit=1>',
    '\'"--></style></script></title></textarea><iframe srcdoc="<script>top.hit=1</script>">',
    'javascript:window.hit=1',
    '[click](javascript:window.hit=1)',
    '<a href="javascript:window.hit=1">click</a>',
    '${window.hit=1}{{constructor.constructor("window.hit=1")()}}',
    '<math><mtext></mtext><mglyph><style><!--</style><img title="--><img src onerror=window.hit=1>">',
    '<form><button formaction=javascript:window.hit=1>x</button><base href=https://evil.example/>',
    '\u202e<\u200bscript\u2066>',
];
export const all = payloads.join(' ');

/** Of a terminal: links, titles, colours, and going back over what stands there. */
export const escapes = [
    '\u001b]8;;javascript:window.hit=1\u0007click me\u001b]8;;\u0007',
    '\u001b]0;<script>window.hit=1</script>\u0007title',
    '\u001b[31m<img src=x onerror=window.hit=1>\u001b[0m',
    'seen\r<b>over</b>',
    '\u001b[2J\u001b[1;1H\u001bPq"1;1;1;1#0\u001b\\sixel',
];

/** What of it has become more than text; empty: nothing. Looks into shadow roots too. */
export const whatCameAlive = page => page.evaluate(() => {
    const found = [];
    if ('hit' in window) found.push('a program ran');
    const roots = [document];
    for (let root; (root = roots.pop()) !== undefined;) {
        for (const e of root.querySelectorAll('*')) {
            if (e.shadowRoot) roots.push(e.shadowRoot);
            const name = e.tagName.toLowerCase();
            if (name === 'script' && !/^\/assets\//.test(e.getAttribute('src') ?? '')) found.push(`a script: ${e.outerHTML.slice(0, 80)}`);
            if (['iframe', 'object', 'embed', 'base', 'math', 'mglyph', 'img'].includes(name)) found.push(`<${name}>`);
            for (const {name: attribute, value} of e.attributes) {
                if (attribute.startsWith('on')) found.push(`${name} ${attribute}`);
                if (name !== 'link' && ['href', 'src', 'action', 'formaction', 'srcdoc'].includes(attribute) && /^\s*(javascript|data|vbscript):/i.test(value)) found.push(`${name} ${attribute}=${value.slice(0, 40)}`);
                if (attribute === 'href' && name === 'a' && e.origin !== location.origin) found.push(`a link to ${e.origin}`);
            }
        }
    }
    return found;
});
