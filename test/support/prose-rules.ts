/** Phrases that read as translated, each with what a native speaker would write. */

interface ProseRule {
  /** What is found, in any case unless `exact`. A space stands for any white space, also for the break of a line in a comment. */
  readonly pattern: string;
  readonly exact?: boolean;
  /** What to write instead. */
  readonly better: string;
  /** Phrases that the pattern must find. */
  readonly bad: readonly string[];
  /** Phrases that are close but fine. */
  readonly fine?: readonly string[];
}

const THING =
  "(?:array|axis|batch|bin|block|call|case|channel|claim|class|column|day|dimension|epoch|feature|file|group|host|image|label|" +
  "layer|line|minute|model|network|page|pair|parameter|pass|place|point|position|process|row|run|sample|second|seed|set|" +
  "side|step|test|thread|unit|value|week|worker)";
const COUNT = "(?:one|two|three|four|five|six|seven|eight|nine|ten|half|several|many|few|fewer|\\d+(?:[.,]\\d+)*)";
const NO_NOUN =
  "(?!(?:after|along|and|are|around|as|at|because|before|between|but|by|for|from|gives|has|if|in|inside|into|is|like|makes?|" +
  "moves?|not|of|on|or|over|per|than|that|through|to|was|when|where|whether|which|with|within) )";
/** A norm, a layer, or what stands for one. */
const LAYER = "(?:\\S+ ){0,2}?(?:it|them|layers?|norms?|`?(?:BatchNorm|Dense|ReLU)`?|activations?|mean)\\b";

export const proseRules: readonly ProseRule[] = [
  {
    pattern: "\\b(?:when|if) not (?:said|given)\\b|\\bunless (?:it is )?said\\b",
    better: '"Default: 1e-5."',
    bad: ["1e-5 when not said", "0 when not\n   * given", "mean 0 unless said"],
  },
  {
    pattern: "\\bwhether \\S+ (?:is|are) there\\b|\\bif (?:it|they) (?:is|are) there\\b",
    better: '"Learn a per-feature scale, gamma." or "if installed"',
    bad: ["Whether gamma is there", "PyTorch, if they are there"],
    fine: ["Whether there is a bias"],
  },
  {
    pattern:
      "\\bHow an? \\S+ is made\\b|\\bWhat (?!(?:it|they|this) )(?:an? |every |all )?\\S+(?: and \\S+)? takes?\\b",
    better: '"Options for `BatchNorm`."',
    bad: ["How a `BatchNorm` is made.", "What `alongGradient` takes.", "What `Adam` and `AdamW` take."],
    fine: ["What it takes to learn"],
  },
  {
    pattern: "\\bMakes the (?:layer|output|model|optimizer)\\b",
    exact: true,
    better: '"Creates the layer with ..."',
    bad: ["Makes the layer: gamma 1, beta 0"],
  },
  {
    pattern: "\\bin front of\\b",
    better: '"before"',
    bad: ["Weights in front of a norm have no scale"],
  },
  {
    pattern: `\\bbehind ${LAYER}`,
    better: '"after"',
    bad: ["the ReLU behind a batch norm", "the gradient behind it", "everything behind\n// the third layer"],
    fine: ["Running averages lag behind the weights"],
  },
  {
    pattern: "\\bthe best (?:kernel set |one )?(?:there is|that this host)\\b",
    better: '"the fastest available"',
    bad: ["the best there is"],
  },
  {
    pattern: "\\b(?:does|do|did|will) not compile\\b|\\bnothing compiles\\b",
    better: '"is a compile-time error"',
    bad: ["forgetting it does not compile"],
  },
  {
    pattern: "\\bwith the cure\\b",
    better: '"and the message says how to fix it"',
    bad: ["throws with the cure"],
  },
  {
    pattern: "\\b(?:an?|each|every|first|one|no|per) look\\b|\\blooks (?:at|every|into|inside|only)\\b|\\bone looks\\b",
    better: '"probe", "measure", "check", "inspect"',
    bad: ["statistics that move at every look", "looks every 20", "It looks at the rows", "depends on where one looks"],
    fine: ["look up the symptom", "as the figure looks"],
  },
  {
    pattern: "\\b(?:tells|told)\\b",
    better: '"reports", "shows", "called with"',
    bad: ["Told the output of every layer", "the path tells where it is"],
    fine: ["how to tell whether it fits"],
  },
  {
    pattern: "\\bask(?:s|ed|ing)? for\\b",
    better: '"requested", "needed", "requires", "read"',
    bad: ["in the order asked for", "An option that nobody\n * asked for"],
  },
  {
    pattern: "(?:(?<=[.;:] )who(?:ever)?|(?<=^\\W*)Who(?:ever)?|\\bWhoever) [a-z]+",
    exact: true,
    better: 'a subject: "if you need ...", "users who ..."',
    bad: [
      "It may differ; who needs the same bits there too names it",
      "Who loads builds it again",
      "Whoever finds one adds it",
    ],
    fine: ["Santurkar et al., who measured it", "says who, what was expected", "who: expected X, got Y"],
  },
  {
    pattern: `(?:\\b\\d+(?:[.,]\\d+)*(?:-fold| kB| ms| s)?|\\bonce|\\btwice|\\b${COUNT} (?:\\w+ )?${NO_NOUN}\\w+) an? ${THING}\\b`,
    better: '"per": "1 per block", "one weight per row"',
    bad: [
      "1 a block",
      "one weight a row",
      "fewer than 2 values a feature",
      "3.8-fold a layer",
      "one index an axis",
      "once a step",
    ],
    fine: ["one is a row", "one of a layer", "2 per block", "one direction through a point", "many rows make a group"],
  },
  {
    pattern: "\\bsome (?:\\d|two|three|four|five|ten|twenty|fifty|hundred|thousand|dozen)",
    better: '"about"',
    bad: ["less than some 128 values", "some hundred steps"],
    fine: ["some of 10 seeds"],
  },
  {
    pattern: "\\b(?:came|come|comes|coming) true\\b",
    better: '"actual / predicted decrease"',
    bad: ["the share of the decrease that came true"],
  },
  {
    pattern: "\\b(?:houses?|towers?|bridges?)\\b|\\blayer floor\\b",
    better: '"architecture", "modules", "`model/`"',
    bad: ["The house", "the tower of layers", "model/ is the bridge", "dy and dx on the layer floor"],
    fine: ["Householder"],
  },
  {
    pattern: "\\bfor ever\\b",
    better: '"an all-zero state is a fixed point"',
    bad: ["zeros for ever"],
  },
  {
    pattern: "\\bon (?:two|three|four|many) ways\\b",
    better: '"in three ways"',
    bad: ["reaches the loss on three ways"],
  },
  {
    pattern: "\\bcome and go\\b|\\bcoming from elsewhere\\b",
    better: '"Import and export weights", "Coming from PyTorch or Keras"',
    bad: ["Weights come and go", "Coming from elsewhere"],
  },
  {
    pattern: "\\b(?:trains?|learns?) sooner\\b",
    better: '"trains faster"',
    bad: ["It trains sooner"],
  },
  {
    pattern: "\\b(?:ails?|stumbles?|keeps? silent)\\b",
    better: '"explains the gap", "common pitfalls", "does not report its children"',
    bad: ["if that is what ails them", "Fifteen known stumbles", "a container that keeps silent"],
  },
  {
    pattern: "\\b(?:its|a|their) say\\b|\\b\\w+'s business\\b",
    better: '"weights each row", "the loss has to ignore it"',
    bad: ["gives each row its say", "that is the loss's business"],
  },
];

/** A pattern whose spaces match any white space, and what begins a line of a comment. */
function regExpOf({ pattern, exact }: ProseRule): RegExp {
  return new RegExp(pattern.replaceAll(" ", "\\s(?:\\s|\\*(?!\\*)|//)*"), exact ? "gm" : "gim");
}

const compiled = proseRules.map((rule) => ({ rule, regExp: regExpOf(rule) }));

/** Finds the phrases of a text, in order, as in `line 3: "some 128": write "about"`. */
export function proseFindings(text: string, rules: readonly ProseRule[] = proseRules): string[] {
  const found = compiled
    .filter(({ rule }) => rules.includes(rule))
    .flatMap(({ rule, regExp }) => Array.from(text.matchAll(regExp), (match) => ({ rule, match })));
  return found
    .sort((a, b) => a.match.index - b.match.index)
    .map(({ rule, match }) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${line}: "${match[0].replace(/\s+(?:\*|\/\/)?\s*/g, " ").trim()}": write ${rule.better}`;
    });
}
