#include "core/data/generate/story_tables.h"

namespace espalier::generate {
namespace {

// Level 0: one clause a sentence, names rather than pronouns, much said twice. Level 1: two clauses joined by "and",
// "but" or "so". Level 2: subordinate clauses with "when", "because", "although", "who".
constexpr Rule kRules[] = {
    {"open", 0, 0,
     "{hero} was a {kid}. {He} lived {home}. {He} had {a} {colour} {item}. {He} liked the {item} very much."},
    {"open", 0, 0,
     "There was a {kid}. {His} name was {hero}. {He} lived {home}. {He} had {a} {colour} {item}. It was a good "
     "{item}."},
    {"open", 0, 0,
     "This is about {hero}. {He} was a {kid}. {He} lived {home}. {He} had {a} {colour} {item}. It was a good {item}."},
    {"open", 1, 1,
     "Once there was a {kid} named {hero}, and {he} lived {home}. {He} had {a} {colour} {item}, and {he} loved it very "
     "much."},
    {"open", 1, 1,
     "{hero} was a {kid} and lived {home} with {his} mother. {He} had {a} {colour} {item}, and there was no other like "
     "it."},
    {"open", 1, 1,
     "Long ago a {kid} named {hero} lived in {a} {adj} house {home}. {He} had {a} {colour} {item} and took it "
     "everywhere."},
    {"open", 2, 2,
     "There was once a {kid} named {hero} who lived in {a} {adj} house {home}, where the air smelled of {scent}. Of "
     "all the things that {he} owned, {he} loved {his} {colour} {item} best."},
    {"open", 2, 2,
     "In {a} {adj} house {home}, where {a} {tree} grew beside the door, there lived a {kid} named {hero}. {He} had {a} "
     "{colour} {item}, which {his} grandfather had given {him}."},
    {"open", 2, 2,
     "When {hero} was still a small {kid}, {his} family moved to {a} {adj} house {home}. The first thing that {he} "
     "carried over the step was {his} {colour} {item}, because it had always brought {him} luck."},
    {"open", 2, 2,
     "People still talk about {hero}, a {kid} who lived {home} and who had {a} {colour} {item}. Nobody knew where it "
     "came from, although the {trade} had often asked."},

    {"who", 0, 0, "{hero} had a friend. The friend was {friend}. {friend} was {kind}. {hero} liked {friend}."},
    {"who", 0, 0, "{friend} was a friend of {hero}. {friend} was {kind}. {friend} was good to {hero}."},
    {"who", 1, 1, "{hero} had {a} {kind} friend named {friend}, and the two of them played together every day."},
    {"who", 1, 1, "{His} best friend was {friend}, and {fhe} was {kind} and never in a hurry."},
    {"who", 1, 1, "{friend} lived in the next house, and {fhe} was the most {kind} friend in the {region}."},
    {"who", 2, 2, "{His} best friend was {friend}, who lived beside the {trade} and was known for {fhis} {virtue}."},
    {"who", 2, 2,
     "{friend}, {his} {kind} friend, came to the house whenever {fhe} had finished {fhis} work, and they talked until "
     "it was dark."},
    {"who", 2, 2,
     "Although they often argued, {hero} trusted nobody more than {friend}, who was both {kind} and {kind}."},

    {"scene", 1, 1, "It was {a} {weather} morning, and {a} {creature} sat in the {plant} by the gate."},
    {"scene", 1, 1, "The sun was up, and the {adj} road smelled of {scent}."},
    {"scene", 1, 1, "Far away there was {a} {adj} {far}, but nobody from the {region} went there."},
    {"scene", 1, 1, "{A} {creature} ran over the {adj} path, and the {trade} waved from a window."},
    {"scene", 2, 2,
     "It was {a} {weather} morning, and while the {trade} swept the {adj} steps, {a} {creature} slept among the "
     "{plant}."},
    {"scene", 2, 2,
     "Beyond the {far}, where the {plant} grew as high as a wall, somebody was cooking {dish}, and the wind carried "
     "the smell of {scent} across the {region}."},
    {"scene", 2, 2,
     "On the {adj} road the {trade} was selling {a} {ware}, but hardly anybody stopped, because the {feast} was about "
     "to begin."},
    {"scene", 2, 2,
     "{A} {creature} that had been watching from {a} {tree} flew {adv} towards the {far}, as if it had seen enough."},
    {"scene", 2, 2,
     "The {weather} evening before, {a} {trade} had told a story about the {far}, and {hero} still remembered every "
     "word of it."},

    {"goal", 0, 0, "One day {hero} wanted to {want}. {He} wanted to {want} now."},
    {"goal", 0, 0,
     "One day {hero} got up. \"This is a good day,\" {he} said. {He} wanted to {want}. {He} wanted to do it now."},
    {"goal", 1, 1, "One {weather} day {hero} wanted to {want}, and {he} could think of nothing else."},
    {"goal", 1, 1, "\"Today is the day,\" said {hero}, for {he} wanted to {want}, and {he} had waited all week."},
    {"goal", 2, 2,
     "One {weather} day, when all the work was done, {hero} decided that {he} would {want}. \"Nothing will stop me,\" "
     "{he} told {friend}, who only smiled."},
    {"goal", 2, 2,
     "Because the {feast} was near, {hero} had made up {his} mind to {want}, and {he} had promised the {trade} that it "
     "would be done before dinner."},

    {"problem", 0, 0, "But {trouble}. \"Oh no!\" said {hero}. {Trouble}."},
    {"problem", 0, 0, "But oh! {Trouble}. {He} looked and looked. {Trouble}."},
    {"problem", 1, 1, "But there was a problem, for {trouble}, and {hero} did not know what to do."},
    {"problem", 1, 1, "\"Oh dear!\" said {hero}, for {trouble}, and nobody was there to help {him}."},
    {"problem", 2, 2,
     "When {he} came out of the house, however, {he} found that {trouble}. \"This cannot be true!\" cried {hero}, who "
     "had not expected anything of the kind."},
    {"problem", 2, 2,
     "But something had happened while nobody was looking: {trouble}, and it was clear that {he} could do nothing else "
     "until this was put right."},

    {"mood", 0, 0,
     "{hero} was {sad}. {He} was very {sad}. {He} sat down. Then {he} got up. \"I will do it,\" {he} said."},
    {"mood", 0, 0, "{hero} was {sad}. {He} was very {sad}. \"What can I do?\" {he} said. \"What can I do now?\""},
    {"mood", 1, 1, "{hero} was {sad}, but {he} did not cry, and soon {he} had an idea."},
    {"mood", 1, 1, "This made {hero} {sad}, and {he} walked up and down for a while."},
    {"mood", 2, 2,
     "{hero}, who was more {sad} than {he} wanted to show, walked {adv} round the house until {he} had an idea."},
    {"mood", 2, 2,
     "Although {he} felt {sad}, {he} remembered what {his} grandmother used to say when the {plant} would not grow: "
     "those who have {virtue} need only begin."},

    {"try", 0, 0, "{hero} had a plan. {He} {did}. But {failed}. So that did not work. {He} was {sad}."},
    {"try", 0, 0, "{hero} tried very hard. {He} {did}. But {failed}. \"No, no, no!\" {he} said."},
    {"try", 0, 0, "\"I will try this,\" {he} said. {He} {did}. But {failed}. It was no good."},
    {"try", 1, 1, "{Nth} {hero} {did}, but {failed}, so {he} had to think again."},
    {"try", 1, 1, "{Nth} {he} had another idea and {did}, but {failed}, and that was the end of it."},
    {"try", 1, 1, "\"I know what to do,\" said {hero}, and {he} {adv} {did}, but {failed}."},
    {"try", 1, 1, "{Nth} {hero} took a deep breath and {did}, but {failed}, and {he} shook {his} head."},
    {"try", 2, 2,
     "{Nth}, because {he} did not want to trouble anyone, {hero} {did}, but {failed}, and {he} sat down {adv} on {a} "
     "{adj} stone."},
    {"try", 2, 2,
     "Although {hero} {did} as {adv} as {he} could, {failed}, and {a} {creature} in the {plant} seemed to laugh at "
     "{him}."},
    {"try", 2, 2,
     "{Nth} {he} {did}, which would surely have helped {a} {trade}, but {failed}, and {he} was more {sad} than "
     "before."},
    {"try", 2, 2,
     "{Nth}, when {he} had eaten some {dish} and felt stronger, {hero} {did}; but {failed}, so that even this was of "
     "no use."},
    {"try", 2, 2,
     "\"If that does not work, I will do something else,\" said {hero}, who {adv} {did}, but {failed}, and the "
     "{weather} day went on."},

    {"pause", 1, 1, "{He} looked at the {adj} ground and said nothing."},
    {"pause", 1, 1, "{A} {creature} came by, but it could not help."},
    {"pause", 1, 1, "The {trade} saw it and said, \"Do not give up, {hero}.\""},
    {"pause", 2, 2,
     "\"You should not give up so soon,\" said {a} {trade} who was passing with {a} {ware}, \"for {virtue} is worth "
     "more than luck.\""},
    {"pause", 2, 2,
     "A little later {a} {creature} ran over the {adj} wall, stopped for a moment, and disappeared {adv} behind {a} "
     "{tree}."},
    {"pause", 2, 2,
     "{He} rested for a while in the shade of {a} {tree}, where it smelled of {scent}, and looked {adv} at the {far}."},

    {"wise", 2, 2,
     "At noon old {elder}, the {office}, who had seen it all from {a} {adj} bench, put down {a} {ware}. \"When I was "
     "young,\" said {elder}, \"I thought that I had to do everything alone, until I learned that it takes {virtue} to "
     "ask.\""},
    {"wise", 2, 2,
     "On the way home {he} met {elder}, the {office}, who was carrying {dish} to the {far}. \"There is no shame in "
     "asking,\" said {elder}, who had noticed how {sad} {he} looked, \"and a friend is happy to be asked.\""},

    {"ask", 0, 0, "{hero} went to {friend}. \"Help me, {friend},\" said {hero}. \"I need help with the {item}.\""},
    {"ask", 0, 0,
     "{hero} ran to {friend}. \"Can you help me, {friend}?\" said {hero}. \"I need help with the {item}.\""},
    {"ask", 1, 1,
     "So {hero} ran to {friend} and said, \"Please help me with the {item}, for I do not know what to do.\""},
    {"ask", 1, 1, "{hero} went to {friend} and told {fhim} about the {item}, and {friend} listened to every word."},
    {"ask", 2, 2,
     "So {hero} went to {friend}, who was sitting beside {a} {adj} wall, and told {fhim} everything that had happened "
     "to the {item} since the morning. \"Why did you not come to me at once?\" asked {friend}."},
    {"ask", 2, 2,
     "When {he} had thought about this for a while, {he} knocked at the door of {friend}. \"I have tried everything "
     "that I could think of,\" said {hero}, \"but without you I shall never be able to do it.\""},

    {"answer", 0, 0, "\"Yes,\" said {friend}. \"I will help. I have {a} {means}.\""},
    {"answer", 0, 0, "\"I can help,\" said {friend}. \"See, I have {a} {means}.\""},
    {"answer", 1, 1, "\"Of course I will help,\" said {friend}, \"for I have {a} {means}, and that is what we need.\""},
    {"answer", 1, 1, "{friend} thought for a moment, and then {fhe} said, \"I have {a} {means}, so let us go.\""},
    {"answer", 2, 2,
     "{friend} thought {adv} for a moment. \"I think that I have {a} {means},\" {fhe} said, \"which my uncle, who was "
     "{a} {trade}, always used when nothing else would help.\""},
    {"answer", 2, 2,
     "\"If you had asked me earlier,\" said {friend}, \"you could have saved yourself the trouble, because I know "
     "where to find {a} {means}.\" Then {fhe} went into the {adj} shed and fetched it."},

    {"solve", 0, 0, "{friend} came with the {means}. {Together}. It worked!"},
    {"solve", 0, 0, "They took the {means}. {Together}. \"Yes!\" said {hero}. It worked!"},
    {"solve", 1, 1, "They went back, and {together}. \"It works!\" said {hero}, and {he} jumped for joy."},
    {"solve", 1, 1, "They ran all the way, and {together}. \"We did it!\" said {friend}."},
    {"solve", 2, 2,
     "As soon as they came back to the place, they set to work: {together}. \"I would never have thought of that!\" "
     "cried {hero}, who could hardly believe it."},
    {"solve", 2, 2,
     "While {a} {creature} watched from {a} {tree}, {together}. It was done so quickly that {hero} laughed aloud, "
     "although {he} had been close to tears."},

    {"joy", 0, 0, "{hero} was {glad}. {friend} was {glad} too. \"Thank you, {friend}!\" said {hero}."},
    {"joy", 0, 0, "\"Thank you, {friend}!\" said {hero}. {He} was very {glad}. {He} was very, very {glad}."},
    {"joy", 1, 1, "\"Thank you, {friend},\" said {hero}, and both of them were {glad}."},
    {"joy", 1, 1, "{hero} was so {glad} that {he} sang, and {friend} sang with {him}."},
    {"joy", 2, 2,
     "\"Thank you, {friend},\" said {hero}, who was so {glad} that {he} forgot how tired {he} was, \"for your {virtue} "
     "and your {means}.\""},
    {"joy", 2, 2,
     "They were both {glad}, and when the {trade} heard what they had done, there was {dish} for everybody."},

    {"end", 0, 0,
     "Now {hero} could {want}. And so {he} did. Then they ate {dish}. It was a good day. They were {glad}."},
    {"end", 0, 0, "Now {hero} could {want}. {friend} came too. They ate {dish}. They were {glad}. It was a good day."},
    {"end", 1, 1,
     "Now {hero} could {want}, and that is what {he} did. In the evening they ate {dish} together, and they were "
     "friends for ever."},
    {"end", 1, 1,
     "So {hero} could {want} after all, and {friend} came with {him}. They went home in the evening and ate {dish}, "
     "and then they slept well."},
    {"end", 2, 2,
     "So it came about that {hero} could {want} after all. In the evening, while they ate {dish} and listened to the "
     "{creature}s, {he} said that {virtue} is good, but that a friend is better."},
    {"end", 2, 2,
     "That same day {he} was able to {want}, as {he} had wished. Whenever something went wrong after that, {hero} "
     "remembered {friend}, and {he} never again waited so long before {he} asked for help."},

    {"nth", 1, 2, "{order}"},
};

}  // namespace

std::span<const Rule> plain_story_rules() {
  return kRules;
}

}  // namespace espalier::generate
