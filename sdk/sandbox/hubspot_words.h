/* SPDX-License-Identifier: Apache-2.0 */
/* The words that names, places and titles are made of; hubspot_seed.c alone includes them. The
 * lists that are picked from by a mask have a power of two of entries. */
#ifndef SANDBOX_HUBSPOT_WORDS_H
#define SANDBOX_HUBSPOT_WORDS_H

static const char *const adjectives[] = {
    "Amber",   "Arctic",  "Bright",   "Bold",    "Calm",     "Cedar",    "Clear",  "Cobalt",
    "Copper",  "Crimson", "Delta",    "Eastern", "Emerald",  "First",    "Golden", "Grand",
    "Granite", "Green",   "Harbor",   "High",    "Iron",     "Ivory",    "Jade",   "Keen",
    "Lunar",   "Maple",   "Meridian", "Modern",  "Noble",    "Northern", "Oak",    "Orchid",
    "Pacific", "Pine",    "Polar",    "Prime",   "Quiet",    "Rapid",    "Red",    "River",
    "Royal",   "Sable",   "Silver",   "Solar",   "Southern", "Stellar",  "Summit", "Swift",
    "Terra",   "Timber",  "True",     "United",  "Upper",    "Urban",    "Velvet", "Vital",
    "Vivid",   "Western", "White",    "Wild",    "Winter",   "Wise",     "Young",  "Zenith"};

static const char *const nouns[] = {
    "Anchor",  "Arbor",    "Beacon",   "Bridge",  "Canyon",  "Castle",   "Circuit", "Cloud",
    "Coast",   "Compass",  "Crane",    "Crest",   "Dale",    "Dynamics", "Falcon",  "Field",
    "Forge",   "Fountain", "Gate",     "Glacier", "Grove",   "Harvest",  "Haven",   "Heron",
    "Hill",    "Horizon",  "Island",   "Lake",    "Lantern", "Ledger",   "Loom",    "Market",
    "Meadow",  "Mill",     "Mountain", "Network", "Orbit",   "Orchard",  "Path",    "Peak",
    "Pioneer", "Planet",   "Point",    "Port",    "Prairie", "Quarry",   "Ridge",   "Road",
    "Rock",    "Sail",     "Signal",   "Spring",  "Star",    "Stone",    "Stream",  "Studio",
    "Thread",  "Tower",    "Trail",    "Valley",  "Vector",  "Wave",     "Willow",  "Works"};

/* Commas, quotes, ampersands and letters beyond ASCII, as real names have them. */
static const char *const endings[] = {
    " Inc.", ", Inc.",    " LLC",      " GmbH",       " Ltd",     " Group", " & Co.", " AB",
    " S.A.", " \"Labs\"", " Holdings", " & Söhne KG", " Systems", " B.V.",  " SARL",  " 株式会社"};

struct name {
    const char *shown, *plain;
};

static const struct name firsts[] = {
    {"Anna", "anna"},     {"José", "jose"},     {"Maria", "maria"},   {"Wei", "wei"},
    {"Zoë", "zoe"},       {"Liam", "liam"},     {"Søren", "soren"},   {"Priya", "priya"},
    {"Noah", "noah"},     {"Chloé", "chloe"},   {"Omar", "omar"},     {"Yuki", "yuki"},
    {"Emma", "emma"},     {"Łukasz", "lukasz"}, {"Fatima", "fatima"}, {"Jürgen", "juergen"},
    {"Olivia", "olivia"}, {"André", "andre"},   {"Mia", "mia"},       {"Ivan", "ivan"},
    {"Grace", "grace"},   {"Björn", "bjoern"},  {"Amara", "amara"},   {"Diego", "diego"},
    {"Ingrid", "ingrid"}, {"Kofi", "kofi"},     {"Leila", "leila"},   {"Mateo", "mateo"},
    {"Nina", "nina"},     {"Pavel", "pavel"},   {"Ruth", "ruth"},     {"太郎", "taro"}};

static const struct name lasts[] = {{"Smith", "smith"},
                                    {"Müller", "mueller"},
                                    {"O'Brien", "obrien"},
                                    {"García", "garcia"},
                                    {"Nguyễn", "nguyen"},
                                    {"Johnson", "johnson"},
                                    {"Åkesson", "akesson"},
                                    {"Patel", "patel"},
                                    {"Williams", "williams"},
                                    {"Kowalski", "kowalski"},
                                    {"D'Angelo", "dangelo"},
                                    {"Tanaka", "tanaka"},
                                    {"Brown", "brown"},
                                    {"Lindqvist", "lindqvist"},
                                    {"Haddad", "haddad"},
                                    {"Schäfer", "schaefer"},
                                    {"Jones", "jones"},
                                    {"Fernández", "fernandez"},
                                    {"Kim", "kim"},
                                    {"Ivanov", "ivanov"},
                                    {"Miller", "miller"},
                                    {"Novák", "novak"},
                                    {"Okafor", "okafor"},
                                    {"Silva", "silva"},
                                    {"de la Cruz", "delacruz"},
                                    {"Mensah", "mensah"},
                                    {"Rossi", "rossi"},
                                    {"López", "lopez"},
                                    {"Wagner", "wagner"},
                                    {"Petrova", "petrova"},
                                    {"Clark", "clark"},
                                    {"Van den Berg", "vandenberg"}};

struct place {
    const char *city, *state, *country, *timezone, *dial;
};

static const struct place places[] = {
    {"San Francisco", "California", "United States", "us_slash_pacific", "+1 415 55"},
    {"New York", "New York", "United States", "us_slash_eastern", "+1 212 55"},
    {"Austin", "Texas", "United States", "us_slash_central", "+1 512 55"},
    {"Toronto", "Ontario", "Canada", "canada_slash_eastern", "+1 416 55"},
    {"London", "England", "United Kingdom", "europe_slash_london", "+44 20 79"},
    {"München", "Bayern", "Germany", "europe_slash_berlin", "+49 89 12"},
    {"Köln", "Nordrhein-Westfalen", "Germany", "europe_slash_berlin", "+49 221 9"},
    {"Zürich", "Zürich", "Switzerland", "europe_slash_zurich", "+41 44 26"},
    {"Paris", "Île-de-France", "France", "europe_slash_paris", "+33 1 42"},
    {"Malmö", "Skåne", "Sweden", "europe_slash_stockholm", "+46 40 66"},
    {"São Paulo", "SP", "Brazil", "america_slash_sao_paulo", "+55 11 30"},
    {"Kraków", "Małopolskie", "Poland", "europe_slash_warsaw", "+48 12 34"},
    {"東京", "東京都", "Japan", "asia_slash_tokyo", "+81 3 52"},
    {"Bengaluru", "Karnataka", "India", "asia_slash_kolkata", "+91 80 41"},
    {"Sydney", "New South Wales", "Australia", "australia_slash_sydney", "+61 2 92"},
    {"Washington, D.C.", "District of Columbia", "United States", "us_slash_eastern", "+1 202 55"}};

static const char *const titles[] = {"Chief Executive Officer",
                                     "CTO",
                                     "Head of Sales",
                                     "Account Executive",
                                     "VP, Marketing",
                                     "Software Engineer",
                                     "Product Manager",
                                     "Data Analyst",
                                     "Office Manager",
                                     "Buyer",
                                     "Operations Lead",
                                     "R&D Engineer",
                                     "Customer Success Manager",
                                     "CFO",
                                     "Geschäftsführerin",
                                     "Founder & \"Fixer\""};

static const char *const streets[] = {"Main Street",  "Market Street", "Hauptstraße",
                                      "King's Road",  "Rue de Lyon",   "Storgatan",
                                      "Avenida Sete", "Park Avenue"};

#endif
