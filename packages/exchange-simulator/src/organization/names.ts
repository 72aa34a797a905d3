/* Given and family names in several scripts. Their product is walked by a permutation, so names stay unique. */

export const givenNames: readonly string[] = [
  'Nora',
  'Émile',
  'Jürgen',
  'Zoë',
  'Łukasz',
  'Søren',
  'Ana',
  'İpek',
  'Olena',
  'Dmitri',
  'Chloé',
  'Noël',
  'Ingrid',
  'Matthias',
  'Françoise',
  'José',
  'Aoife',
  'Siân',
  'Björn',
  'Maja',
  'Petr',
  'Ștefan',
  'Eleni',
  'Yusuf',
  'Priya',
  'Wei',
  '美咲',
  '민준',
  'Hồng',
  'محمد',
  'דוד',
  'Ольга',
  'Ravi',
  'Thandiwe',
  'Kaito',
  'Lars',
  'Bruno',
  'Hélène',
  'Max',
  'Li',
  'Anne-Marie',
  'Jean Paul',
  'Mary',
  'Peter',
  'Susan',
  'Tom',
  'Victor',
  'Grace',
  'Hugo',
  'Iris',
  'Karl',
  'Lena',
  'Mila',
];

export const familyNames: readonly string[] = [
  'Lindqvist',
  'Lefèvre',
  'Müller',
  'Straße',
  'Weiß',
  'Żółkowski',
  'Ødegaard',
  'O’Brien',
  "O'Neil",
  'Núñez',
  'García',
  'Yılmaz',
  'Šimek',
  'Țepeș',
  'Παπαδόπουλος',
  'Иванова',
  'Шевченко',
  '山田',
  '김',
  'Nguyễn',
  'الحربي',
  'כהן',
  'Singh',
  'Dlamini',
  'van der Berg',
  'de la Cruz',
  'MacLeod',
  'Smith',
  'Jones',
  'Brown',
  'Novák',
  'Kowalski',
  'Rossi',
  'Bianchi',
  'Silva',
  'Costa',
  'Dubois',
  'Bellanger',
  'Fischer',
  'Schmidt',
  'Wagner',
  'Becker',
  'Hansen',
  'Larsen',
  'Nilsson',
  'Johansson',
  'Virtanen',
  'Mäkinen',
  'Tamm',
  'Bērziņš',
  'Kazlauskas',
  'Horváth',
  'Nagy',
  'Popescu',
  'Dimitrov',
  'Petrović',
  'Kovačić',
  'Đorđević',
  'Sato',
  'Tanaka',
  'Suzuki',
  'Wang',
  'Chen',
  'Zhang',
  'Patel',
  'Sharma',
  'Khan',
];

export const teams: readonly string[] = [
  'Sales',
  'Accounts Payable',
  'Human Resources',
  'Support',
  'Legal',
  'R&D',
  'Événements',
  'Einkauf',
  'Facilities',
  'Press Office',
];

export const cities: readonly string[] = [
  'Paris',
  'Zürich',
  'Stockholm',
  'Kraków',
  'Lisbon',
  'Dublin',
  '東京',
  'Toronto',
];

export const equipment: readonly string[] = ['Projector', 'Van', 'Camera', 'Laptop Cart', 'Drone'];

function withoutMarks(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll('ß', 'ss')
    .replaceAll('ø', 'o')
    .replaceAll('Ø', 'O')
    .replaceAll('ł', 'l')
    .replaceAll('Ł', 'L')
    .replaceAll('đ', 'd')
    .replaceAll('Đ', 'D')
    .replaceAll('ı', 'i')
    .replace(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
}

const plain = new Map([...givenNames, ...familyNames].map((name) => [name, withoutMarks(name)]));

/** A name as a login can hold it: letters without their marks, other scripts left out. */
export function plainLetters(text: string): string {
  return plain.get(text) ?? withoutMarks(text);
}
