const text = "2026-03-01 and 1999-12-31; ann@example.org, Bob <bob+x@mail.example.com>";
console.log([...text.matchAll(/(?<y>\d{4})-(?<m>\d\d)-(?<d>\d\d)/g)].map(({ groups: { y, m, d }, index }) => `${d}.${m}.${y}@${index}`));
console.log(text.replace(/(\d+)-(\d+)-(\d+)/g, "$3/$2/$1"), text.match(/[\w.+-]+@[\w.-]+\w/g));
console.log("1234567.891".replace(/\B(?=(\d{3})+(?=\.))/g, ","), "price: $5".replace("$5", "$$6 [$&]"));
console.log("aBc-dEf_ghi jKl".split(/[-_\s]|(?<=[a-z])(?=[A-Z])/), "a1b22c".split(/(\d+)/), "abc".split(""));
const sticky = /\d/y;
sticky.lastIndex = 2;
console.log(sticky.test("ab1"), sticky.lastIndex, sticky.test("ab1"), /^.$/u.test("😀"), /^.$/.test("😀"), /\p{Lu}\p{L}+/u.exec("élan Été")[0]);
console.log("x".replace(/x/, () => "$1"), "John Smith".replace(/(?<first>\w+)\s(?<last>\w+)/, "$<last>, $<first>"), /a(?!b)./.exec("abac")[0], /(?<!\$)\b\d+/.exec("$12 34")[0]);
console.log(/(a)|(b)/.exec("b"), "aaa".replaceAll("a", (match, offset) => offset), "tel".search(/l/), RegExp("[.*]", "gi").flags);
const escape = (plain) => plain.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
console.log(new RegExp(`^${escape("a.b(c)*")}$`).test("a.b(c)*"), /\bfoo\b/i.test("a FOO."), /^(?:\+|-)?\d+$/m.test("x\n-5\ny"));
const words = {};
for (const [word] of "The cat. the DOG, the end".toLowerCase().matchAll(/[a-z]+/g)) words[word] = (words[word] || 0) + 1;
console.log(words, /[\u4e00-\u9fff]+/.exec("abc 漢字 def")?.[0], /(?:(\d)-)+/.exec("1-2-3-"), "ab\ncd".match(/^c.$/m).index);
try { new RegExp("(["); } catch (error) { console.log(error.name); }
