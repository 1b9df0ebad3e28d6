/** A country with names and formats of its own; the scripts and accents break imports that do not handle Unicode. */
export interface Locale {
  readonly country: string;
  readonly language: string;
  readonly zone: string;
  readonly currency: Currency;
  readonly phone: string;
  readonly first: readonly string[];
  readonly last: readonly string[];
}

export type Currency = 'USD' | 'EUR' | 'PHP' | 'JPY' | 'KWD';

export const LOCALES: readonly Locale[] = [
  {
    country: 'Philippines',
    language: 'Tagalog',
    zone: 'Asia/Manila',
    currency: 'PHP',
    phone: '+63 917',
    first: ['Ana', 'Maricel', 'Jose', 'Crisanto', 'Liezel', 'Niño', 'Rowena', 'Jejomar', 'Angelica', 'Bong'],
    last: ['Reyes', 'dela Cruz', 'Santos', 'Peña', 'Macaraeg', 'Bautista', 'Dimaculangan', 'Ocampo', 'de los Santos'],
  },
  {
    country: 'United States',
    language: 'English',
    zone: 'America/New_York',
    currency: 'USD',
    phone: '+1 212',
    first: ['Mary', 'James', "D'Andre", 'Latoya', 'Anne-Marie', 'Jo', 'Tyrone', 'Emily', 'Wyatt', 'Sue Ellen'],
    last: ["O'Brien", 'Smith', 'Washington', 'Null', 'Van Buren', 'Smith-Jones', 'McDonald', 'Nguyen', 'St. John'],
  },
  {
    country: 'Germany',
    language: 'German',
    zone: 'Europe/Berlin',
    currency: 'EUR',
    phone: '+49 30',
    first: ['Jürgen', 'Anneliese', 'Björn', 'Käthe', 'Sören', 'Hans-Peter', 'Heike', 'Uwe', 'Gerd'],
    last: ['Müller', 'Weiß', 'von der Heide', 'Groß', 'Schröder', 'Vogel', 'Jäger', 'Öztürk', 'Strauß'],
  },
  {
    country: 'France',
    language: 'French',
    zone: 'Europe/Paris',
    currency: 'EUR',
    phone: '+33 1',
    first: ['François', 'Zoé', 'Jean-Luc', 'Maëlle', 'Aimée', 'Loïc', 'Hélène', 'Noël', 'Benoît'],
    last: ["d'Alembert", 'Lefèvre', 'Le Goff', 'Béranger', 'Saint-Exupéry', 'Garçon', 'Cœur', 'Dubois'],
  },
  {
    country: 'Japan',
    language: 'Japanese',
    zone: 'Asia/Tokyo',
    currency: 'JPY',
    phone: '+81 3',
    first: ['美咲', '太郎', 'さくら', '健一', 'ユキ', '大翔', 'Haruka', '陽菜', 'Kenji'],
    last: ['佐藤', '鈴木', '髙橋', '田中', '渡邊', 'Yamamoto', '小林', '斎藤', 'Itō'],
  },
  {
    country: 'Kuwait',
    language: 'Arabic',
    zone: 'Asia/Kuwait',
    currency: 'KWD',
    phone: '+965 9',
    first: ['فاطمة', 'محمد', 'نورة', 'عبد الله', 'Mariam', 'خالد', 'Yousef', 'دلال'],
    last: ['الصباح', 'العنزي', 'Al-Mutairi', 'المطيري', 'الرشيدي', 'Al Sabah', 'بن سعيد'],
  },
  {
    country: 'Brazil',
    language: 'Portuguese',
    zone: 'America/Sao_Paulo',
    currency: 'USD',
    phone: '+55 11',
    first: ['João', 'Conceição', 'Ângela', 'Thiago', 'Inês', 'Luís', 'Antônia', 'Caio', 'Vitória'],
    last: ['da Silva', 'Gonçalves', 'Araújo', 'dos Santos', 'Guimarães', 'Simões', 'e Souza', 'Magalhães'],
  },
  {
    country: 'Poland',
    language: 'Polish',
    zone: 'Europe/Warsaw',
    currency: 'EUR',
    phone: '+48 22',
    first: ['Łukasz', 'Małgorzata', 'Żaneta', 'Wojciech', 'Grażyna', 'Bożena', 'Stanisław', 'Zbigniew'],
    last: ['Wiśniewska', 'Dąbrowski', 'Żółć', 'Nowak', 'Kowalczyk', 'Szczęsny', 'Brzęczyszczykiewicz'],
  },
  {
    country: 'India',
    language: 'Hindi',
    zone: 'Asia/Kolkata',
    currency: 'USD',
    phone: '+91 22',
    first: ['Priya', 'अनिता', 'Rajesh', 'विजय', 'Lakshmi', 'Arjun', 'Deepa', 'R. K.', 'Sunil'],
    last: ['Iyer', 'शर्मा', 'Krishnamurthy', 'Patel', 'Venkataraghavan', 'Singh', 'Das', 'Rao'],
  },
  {
    country: 'Turkey',
    language: 'Turkish',
    zone: 'Europe/Istanbul',
    currency: 'EUR',
    phone: '+90 212',
    first: ['İbrahim', 'Işıl', 'Çağla', 'Gökhan', 'Şule', 'Ömer', 'Tuğba', 'Ayşe'],
    last: ['Yılmaz', 'Çelik', 'Şahin', 'Öztürk', 'Güneş', 'Kılıç', 'Doğan', 'Iğdır'],
  },
  {
    country: 'Nigeria',
    language: 'Yoruba',
    zone: 'Africa/Lagos',
    currency: 'USD',
    phone: '+234 1',
    first: ['Adébáyọ̀', 'Chukwuemeka', 'Ngozi', 'Folasadé', 'Ìbídùn', 'Emeka', 'Yetunde', 'Olúwaṣeun'],
    last: ['Okonkwo', 'Adéyẹmí', 'Nwosu', 'Balogun', 'Ọláníyan', 'Eze', 'Abubakar'],
  },
  {
    country: 'Vietnam',
    language: 'Vietnamese',
    zone: 'Asia/Ho_Chi_Minh',
    currency: 'USD',
    phone: '+84 28',
    first: ['Thị Hương', 'Văn Đức', 'Ngọc', 'Minh', 'Phượng', 'Quốc Anh', 'Tuấn', 'Thảo'],
    last: ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Đặng', 'Võ', 'Huỳnh'],
  },
];

/** Domains reserved for examples. */
export const MAIL_DOMAINS = ['example.com', 'example.org', 'example.net', 'mail.example', 'students.example'];
